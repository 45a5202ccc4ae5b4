"""What a kind of job is, and what it is handed to work with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any, Protocol

from config import Settings
from portal.extensions import db
from portal.services.jobs.carrier import Carrier
from portal.services.uploads import Desk
from portal.storage import jobs
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job

SLICE_SECONDS = 20.0
"""How long a job works before it gives way to others."""

NOTED_EVERY = 0.5
TRANSFER_SECONDS = 7200.0
"""As long as the client of an object storage waits for one file."""


class JobFailed(Exception):
    """The job cannot be done, and trying again would not help; the text tells its owner why and what to do."""


class LeaseLost(Exception):
    """The job was cancelled, or somebody else was given it: nothing may be written any more."""


class GiveWay(Exception):
    """This turn is over; the finished parts are kept and the job goes on at its next turn."""


Watch = Callable[[float], None]
"""`watch(seconds)`: the process is given up unless called again within so many seconds; 0 ends the watch."""


class Kind(Protocol):
    """A module in `kinds/`."""

    NAME: str
    PATIENCE: float
    """Seconds between two signs of life after which its process is given up."""

    def run(self, work: Work) -> dict[str, Any]:
        """Do the job and return its result.

        Rows that belong to the result are left uncommitted in `db.session`: they are committed with the job's end, and
        only if the lease still holds. Raises JobFailed; FilesUnavailable puts the job off; anything else counts as a
        try.
        """


@dataclass(kw_only=True)
class Work:
    """One turn of one job. Every method may raise LeaseLost, and GiveWay when the worker is asked to stop; `keep` also
    when the turn is over.
    """

    job: Job
    lease: str
    desk: Desk
    settings: Settings
    carrier: Carrier
    lost: Event = field(default_factory=Event)
    watch: Watch = lambda _seconds: None
    stopping: Callable[[], bool] = lambda: False
    patience: float = 0.0
    kept: bool = False
    started: float = field(default_factory=time.monotonic)
    _noted: float = field(default_factory=time.monotonic)

    def finished_parts(self) -> set[int]:
        """Numbers of the parts that earlier turns kept."""
        return jobs.list_part_numbers(self.job.id)

    def parts(self) -> dict[int, bytes]:
        """Every part that was kept, by number."""
        return jobs.read_parts(self.job.id)

    def part(self, number: int) -> bytes | None:
        """One part that was kept."""
        return jobs.read_part(self.job.id, number)

    def keep(self, number: int, content: bytes, *, done: int, total: int, note: str = "") -> None:
        """Keep a finished part (up to 16 MB), so that it is never computed again; here a turn may end."""
        self._write(done=done, total=total, note=note, tries=0)
        jobs.add_part(self.job.id, number, content)
        db.session.commit()
        self.kept = True
        if self.stopping() or self.turn_is_over:
            raise GiveWay

    def saved(self, done: int, total: int, note: str = "") -> None:
        """Say that the work so far lies elsewhere, as in a checkpoint: earlier tries do not count any more."""
        self._write(done=done, total=total, note=note, tries=0)
        db.session.commit()
        self.kept = True

    @property
    def turn_is_over(self) -> bool:
        return time.monotonic() - self.started >= SLICE_SECONDS

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Say how far work is that keeps no parts; as often as one likes, written twice a second."""
        self.check()
        if time.monotonic() - self._noted < NOTED_EVERY:
            return
        self._write(done=done, total=total, note=note)
        db.session.commit()

    def ends_as(self, done: int, total: int) -> None:
        """What the finished job shows of its way, committed with its end."""
        self._write(done=done, total=total, note="")

    def check(self) -> None:
        """A sign of life without news."""
        self._live()
        if self.stopping():
            raise GiveWay

    @contextmanager
    def transfer(self) -> Iterator[None]:
        """A file of several GB goes to the storage or comes from it, and no sign of life comes meanwhile."""
        self.watch(TRANSFER_SECONDS)
        yield
        self.watch(self.patience)

    def _live(self) -> None:
        self.watch(self.patience)
        if self.lost.is_set():
            raise LeaseLost

    def _write(self, **values: object) -> None:
        self._live()
        moment = time.monotonic()
        spent = Job.worked_s + (moment - self._noted)
        if not jobs.write_while_held(self.job.id, self.lease, worked_s=spent, **values):
            db.session.rollback()
            raise LeaseLost
        self._noted = moment


def later(seconds: float) -> Any:
    """The moment so many seconds from now."""
    return now() + timedelta(seconds=seconds)
