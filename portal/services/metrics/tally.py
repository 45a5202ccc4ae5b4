"""Model runs counted from their rows, which every process and machine shares; old ones are counted once only."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from portal.storage import model_runs
from portal.storage.model_runs import Counted

MILLISECONDS = (25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0, 60_000.0, 600_000.0)
SETTLED_AFTER = timedelta(minutes=10)
"""A row gets its id before its transaction ends: only among older rows can no number still be filled in."""

Kind = tuple[str, str, str, str, str]


@dataclass
class Tally:
    """What was counted up to row `until`, which is not looked at again."""

    until: int = 0
    settled: dict[Kind, Counted] = field(default_factory=dict)
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, at: datetime) -> list[Counted]:
        """All runs there are, alike ones together."""
        with self.turn:
            boundary = model_runs.last_before(at - SETTLED_AFTER)
            if boundary > self.until:
                self.settled = add_up(self.settled, model_runs.count_runs(self.until, boundary, MILLISECONDS))
                self.until = boundary
            return list(add_up(self.settled, model_runs.count_runs(self.until, None, MILLISECONDS)).values())


def add_up(known: dict[Kind, Counted], more: Iterable[Counted]) -> dict[Kind, Counted]:
    """Both together; neither is changed."""
    total = dict(known)
    for one in more:
        kind = (one.model, one.version, one.outcome, one.reason, one.findings)
        held = total.get(kind)
        total[kind] = one if held is None else replace(
            held, runs=held.runs + one.runs, timed=held.timed + one.timed, ms=held.ms + one.ms,
            within=tuple(first + second for first, second in zip(held.within, one.within, strict=True)))
    return total
