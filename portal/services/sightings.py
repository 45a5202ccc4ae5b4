"""Who saw which patient's data, and who was refused: kept in the audit trail, but not once for every tile of a slide.

What a process has just written down it remembers; what another process wrote it finds in the trail.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.services import audit
from portal.services.allowances import REFUSED
from portal.services.audit import Actor
from portal.storage import audit_events, audit_subjects
from portal.storage.tables.columns import AHEAD

WINDOW = timedelta(minutes=15)
"""Within it the same person, from the same place, is written down once for the same thing."""
REMEMBERED = 50_000
REFUSALS_OF_ONE = 20
REFUSALS_OF_ALL = 1000
"""An hour, in one process: more are counted and not written, so that nobody can fill the disk with them."""
HOUR = timedelta(hours=1)


class Sightings:
    """What one process remembers; safe between threads."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[Any, ...], datetime] = OrderedDict()
        self._refused: OrderedDict[tuple[Any, ...], tuple[datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def saw(self, key: tuple[Any, ...], at: datetime) -> bool:
        """Whether this was written down a moment ago."""
        with self._lock:
            seen = self._seen.get(key)
        return seen is not None and at - WINDOW < seen <= at

    def remember(self, key: tuple[Any, ...], at: datetime) -> None:
        with self._lock:
            self._seen[key] = at
            self._seen.move_to_end(key)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)

    def count_refusal(self, key: tuple[Any, ...], at: datetime) -> int:
        """The number of this refusal within its hour, from 1."""
        with self._lock:
            since, count = self._refused.pop(key, (at, 0))
            if not since <= at < since + HOUR:
                since, count = at, 0
            self._refused[key] = since, count + 1
            if len(self._refused) > REMEMBERED:
                self._refused.popitem(last=False)
        return count + 1


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was shown: `kind` and `row_id` of the thing, or the name of a list as `kind` with None. `of_case` for a
    small part of a case that is written down as the case.
    """

    action: str
    kind: str
    row_id: int | None = None
    of_case: bool = False


def note_view(sightings: Sightings, actor: Actor, seen: Seen, at: datetime, **details: Any) -> None:
    """Write down that this person is shown this, unless it stands there already. Ends the running transaction."""
    who = (actor.user_id, actor.token.id if actor.token else None, actor.address)
    key = (*who, seen.action, seen.kind, seen.row_id, *sorted(details.items()))
    if sightings.saw(key, at):
        return
    case_id = audit_subjects.find_case(seen.kind, seen.row_id) if seen.row_id is not None else None
    subject = f"{seen.kind}:{seen.row_id}" if seen.row_id is not None else seen.kind
    if seen.of_case and case_id is not None:
        subject = f"case:{case_id}"
    told = {**({"case": case_id} if case_id is not None and not subject.startswith("case:") else {}), **details}
    full = {**told, **({"token": actor.token.id, "token_name": actor.token.name} if actor.token else {})}
    if not audit_events.is_noted(actor.user_id, actor.address, seen.action, subject, full, at - WINDOW, at + AHEAD):
        audit.record_alone(actor, seen.action, subject, **told)
    sightings.remember(key, at)


def note_refusal(sightings: Sightings, actor: Actor, action: str, subject: str, at: datetime, **details: Any) -> None:
    """Write down that somebody was refused; of very many only that there were more. Ends the running transaction.

    Reached limits have counts of their own: nobody hides one behind wrong addresses, which cost nothing.
    """
    own = (action,) if action == REFUSED else ()
    of_one = sightings.count_refusal((actor.user_id, actor.address, *own), at)
    of_all = sightings.count_refusal(own, at)
    if of_one > REFUSALS_OF_ONE or of_all > REFUSALS_OF_ALL:
        return
    if of_one == REFUSALS_OF_ONE or of_all == REFUSALS_OF_ALL:
        details["more"] = "not written down for an hour"
    audit.record_alone(actor, action, subject, **details)
