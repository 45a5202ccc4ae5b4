"""Asks for jobs, tells how they stand, and stops them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotFound
from portal.services.jobs.carrier import Carrier
from portal.services.jobs.progress import Progress, estimate, turns_before
from portal.storage import jobs
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job

PAGE = 20
STATES = ("queued", "running", "done", "failed", "cancelled")
MOST_COUNTED = 99
OF_CASE = 20
"""A case page lists no more."""
FAILURE_TOLD = timedelta(days=7)
"""So long a case page tells of a job that failed."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a job is to do. `params` are for its kind; `title` is what its owner reads."""

    kind: str
    title: str
    params: dict[str, Any]
    case_id: int | None = None
    image_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class JobLine:
    """A job as a page shows it; `ahead` jobs have their turn before it does."""

    job: Job
    progress: Progress
    ahead: int

    @property
    def is_open(self) -> bool:
        return self.job.state in jobs.OPEN

    @property
    def may_be_tried_again(self) -> bool:
        return may_be_tried_again(self.job)

    @property
    def file(self) -> dict[str, Any] | None:
        """The file that the job made: `name`, `size`, and `stored_as`, which is empty once it was deleted."""
        found: dict[str, Any] | None = (self.job.result or {}).get("file")
        return found

    @property
    def is_for_administrators(self) -> bool:
        """Whether the file holds cases that only an administrator may take away."""
        return self.job.kind == "pseudonym-export" or bool(self.job.params.get("of_all"))

    @property
    def told(self) -> dict[str, Any] | None:
        """The result without the name under which a file is kept."""
        if self.job.result is None or self.file is None:
            return self.job.result
        return {**self.job.result, "file": {"name": self.file["name"], "size": self.file["size"],
                                            "deleted": not self.file["stored_as"]}}


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """A page of jobs; `before` is where the next one begins, None on the last."""

    lines: tuple[JobLine, ...]
    before: int | None


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """How the whole queue stands: jobs by state, and when the one was asked for that waits longest."""

    by_state: dict[str, int]
    oldest: datetime | None


def add(actor: audit.Actor, order: Order) -> Job:
    """Put a job into the running transaction. The caller commits and then wakes the carrier."""
    assert actor.user_id is not None
    job = jobs.add_job(Job(kind=order.kind, owner_id=actor.user_id, title=order.title[:255], params=order.params,
                           case_id=order.case_id, image_id=order.image_id))
    audit.record(actor, "job.ask", f"job:{job.id}", kind=order.kind, case=order.case_id, image=order.image_id)
    return job


def submit(carrier: Carrier, actor: audit.Actor, order: Order) -> int:
    """Ask for a job and return its id."""
    job_id = add(actor, order).id
    db.session.commit()
    carrier.wake()
    return job_id


def cancel(actor: audit.Actor, job_id: int) -> None:
    """Stop a job of one's own: from this moment on its worker can write nothing. An ended one stays as it is.

    Raises NotFound.
    """
    assert actor.user_id is not None
    job = jobs.find_job(job_id, actor.user_id)
    if job is None:
        raise NotFound
    was = job.state
    if jobs.end_unheld(job_id, jobs.OPEN, state="cancelled", ended_at=now(), reason="Cancelled by its owner."):
        jobs.delete_parts(job_id)
        audit.record(actor, "job.cancelled", f"job:{job_id}", was=was, now="cancelled")
    db.session.commit()


def try_again(carrier: Carrier, actor: audit.Actor, job_id: int) -> None:
    """Queue a failed or cancelled job of one's own once more, from its beginning. Raises NotFound."""
    assert actor.user_id is not None
    job = jobs.find_job(job_id, actor.user_id)
    if job is None:
        raise NotFound
    again = {"state": "queued", "tries": 0, "done": 0, "total": 0, "worked_s": 0.0, "reason": "", "note": "",
             "ended_at": None, "not_before": None}
    was = job.state
    if may_be_tried_again(job) and jobs.end_unheld(job_id, ("failed", "cancelled"), **again):
        audit.record(actor, "job.again", f"job:{job_id}", was=was, now="queued")
    db.session.commit()
    carrier.wake()


def may_be_tried_again(job: Job) -> bool:
    """Not what took in a file that was sent: that file is deleted when its job ends. Nor what searched for a
    pseudonym that was forgotten since.
    """
    return job.state in ("failed", "cancelled") and not {"delivery", "forgotten"} & job.params.keys()


def get_job(job_id: int, owner_id: int) -> JobLine:
    """One's own job. Raises NotFound."""
    job = jobs.find_job(job_id, owner_id)
    if job is None:
        raise NotFound
    return _lines_of([job])[0]


def list_own(owner_id: int, before: int | None = None) -> JobPage:
    """A page of one's own jobs, the newest first."""
    rows = jobs.list_jobs(owner_id, PAGE + 1, before)
    return JobPage(lines=_lines_of(rows[:PAGE]), before=rows[PAGE - 1].id if len(rows) > PAGE else None)


def list_of_case(case_id: int) -> tuple[JobLine, ...]:
    """What is on its way for a case, whoever asked for it, and what failed lately."""
    return _lines_of(jobs.list_case_jobs(case_id, now() - FAILURE_TOLD, OF_CASE))


def count_open(owner_id: int) -> str:
    """How many of one's own jobs wait or run, in figures; "" for none."""
    found = jobs.count_open(owner_id, MOST_COUNTED + 1)
    return "" if not found else str(found) if found <= MOST_COUNTED else f"more than {MOST_COUNTED}"


def describe() -> QueueState:
    """The queue of everybody, for an administrator."""
    counted = jobs.count_by_state()
    return QueueState(by_state={state: counted.get(state, 0) for state in STATES}, oldest=jobs.oldest_waiting())


def _lines_of(rows: Sequence[Job]) -> tuple[JobLine, ...]:
    waits = any(job.state == "queued" for job in rows)
    everybody = jobs.count_open_by_owner() if waits else {}
    return tuple(_line(job, everybody) for job in rows)


def _line(job: Job, everybody: dict[int, int]) -> JobLine:
    others = (number for owner, number in everybody.items() if owner != job.owner_id)
    ahead = turns_before(jobs.count_before(job), others) if job.state == "queued" else 0
    return JobLine(job=job, progress=estimate(job.done, job.total, job.worked_s), ahead=ahead)
