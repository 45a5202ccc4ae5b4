"""A trail in memory, as the portal would write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.services.chain import rows, seals
from portal.services.chain.check import Count, Finding, check
from portal.services.chain.rows import Keys, Row
from portal.services.chain.seals import Seal

KEYS = Keys(["k" * 40])
START = datetime(2026, 11, 21, 12, 0, 0, 5)


@dataclass(frozen=True, kw_only=True)
class Trail:
    rows: tuple[Row, ...]
    seals: tuple[Seal, ...]

    def findings(self, keys: Keys = KEYS, recent: int = 10**6) -> list[Finding]:
        late = {event: (seal.number, piece) for seal in self.seals for event, piece in seal.kept()[1].items()}
        return list(check(sorted(self.rows, key=lambda one: one.id), self.seals, late, keys, Count(), recent=recent))


def row(number: int, keys: Keys = KEYS, **changes: object) -> Row:
    bare = Row(id=number, at=START + timedelta(seconds=number), actor_id=number % 3 or None, address="192.0.2.1",
               action="case.create", subject=f"case:{number}", details={"n": number}, mac=None)
    held = replace(bare, **changes)  # type: ignore[arg-type]
    return replace(held, mac=rows.sign(held, keys.current))


def trail(ids: Sequence[int], stretches: Iterable[Sequence[int]], late: Sequence[Sequence[int]] = ()) -> Trail:
    """Events with these ids; a seal for each stretch, with the late ones of the same place in `late`."""
    made, sealed = {number: row(number) for number in ids}, list[Seal]()
    for place, stretch in enumerate(stretches):
        behind = late[place] if place < len(late) else ()
        sealed.append(seals.make(sealed[-1] if sealed else None, [made[one] for one in stretch],
                                 [made[one] for one in behind], START, KEYS.current))
    return Trail(rows=tuple(made.values()), seals=tuple(sealed))
