"""Storage and queue at a glance: figures, and where the parts of a bar stand. The templates draw them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config import Settings
from portal.services import allowances
from portal.services.jobs import queue
from portal.storage import audit_events, load

LITTLE_ROOM = 0.10


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of a bar: what it is, how much, and from where to where in per cent of the width."""

    name: str
    amount: int
    start: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Glance:
    """The disk as a bar, what the database takes where it is another machine's, and the queue."""

    disk: tuple[Part, ...]
    total_bytes: int
    free_bytes: int
    database_bytes: int
    database_elsewhere: bool
    queue: tuple[Part, ...]
    failed_today: int
    limits_today: int
    oldest: datetime | None
    worker_seen: datetime | None
    little_room: bool


def parts_of(amounts: Iterable[tuple[str, int]], whole: int = 0) -> tuple[Part, ...]:
    """The amounts one behind the other, in shares of `whole` or of their sum; nothing below 0 is drawn."""
    plain = [(name, max(0, amount)) for name, amount in amounts]
    most, start, parts = max(whole, sum(amount for _, amount in plain), 1), 0.0, []
    for name, amount in plain:
        width = 100.0 * amount / most
        parts.append(Part(name=name, amount=amount, start=round(start, 3), width=round(width, 3)))
        start += width
    return tuple(parts)


def look(settings: Settings, stored_bytes: int | None, at: datetime) -> Glance:
    """As it is now. `stored_bytes` is what the images take, None where their storage does not answer."""
    disk, tables = shutil.disk_usage(settings.instance), load.database_bytes()
    here = settings.database_url.startswith("sqlite")
    images = 0 if settings.object_storage else stored_bytes or 0
    ours = [("Images", images), ("On their way in", bytes_below(settings.incoming)),
            ("Copies from the object storage", bytes_below(settings.cache)), ("Database", tables if here else 0)]
    used = disk.total - disk.free
    others = used - sum(amount for _, amount in ours)
    state, midnight = queue.describe(), at.replace(hour=0, minute=0, second=0, microsecond=0)
    waiting, running = state.by_state["queued"], state.by_state["running"]
    return Glance(
        disk=parts_of([*ours, ("Everything else", others), ("Free", disk.free)], disk.total), total_bytes=disk.total,
        free_bytes=disk.free, database_bytes=tables, database_elsewhere=not here,
        queue=parts_of([("Running", running), ("Waiting", waiting)]),
        failed_today=load.count_failed(midnight), oldest=state.oldest,
        limits_today=audit_events.count_since(allowances.REFUSED, midnight),
        worker_seen=load.last_work(), little_room=disk.free < LITTLE_ROOM * disk.total)


def bytes_below(folder: Path) -> int:
    """What the files in a folder take; one that goes while we look is passed over."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total
