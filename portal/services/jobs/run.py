"""One turn at the queue: give up what nobody holds any more, take the next job in turn, work on it, end it once."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from portal.extensions import db
from portal.services import audit
from portal.services.jobs.carrier import Carrier
from portal.services.jobs.work import GiveWay, JobFailed, Kind, LeaseLost, Watch, Work, later
from portal.services.uploads import Desk
from portal.storage import jobs
from portal.storage.files import Files, FilesUnavailable
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job

log = logging.getLogger("portal.jobs")

LEASE = timedelta(seconds=20)
LOOK_SECONDS = 1.0
RENEW_EVERY = 5
MOST_TRIES = 3
RETRY_SECONDS = 5.0
STORAGE_SECONDS = 60.0
"""Before a job is tried again that found no storage of files."""
GIVEN_UP = "It was tried {tries} times and stopped the worker each time. The file may be damaged: send another copy."
ERROR = "It failed {tries} times for a reason that is not foreseen. Tell your administrator the number {number}."


def run_next(kinds: Mapping[str, Kind], desk: Desk, settings: Settings, carrier: Carrier, worker: str,
             watch: Watch = lambda _seconds: None, stopping: Callable[[], bool] = lambda: False) -> bool:
    """One turn of one job. Returns whether another job is ready."""
    release_expired()
    taken = None if stopping() else take_next(worker)
    if taken:
        job, lease = taken
        with _held(job.id, lease) as lost:
            _turn(kinds.get(job.kind), Work(job=job, lease=lease, desk=desk, settings=settings, carrier=carrier,
                                            lost=lost, watch=watch, stopping=stopping))
    ready = jobs.any_ready(now())
    db.session.rollback()
    return ready


def take_next(worker: str) -> tuple[Job, str] | None:
    """The job whose turn it is, with the lease that was taken on it."""
    for job_id in jobs.next_in_turn(now()):
        lease = secrets.token_hex(16)
        if jobs.take(job_id, lease, worker, now(), LEASE):
            job = jobs.load_job(job_id)
            assert job is not None
            return job, lease
    return None


def release_expired() -> None:
    """Let jobs go on whose worker died; one that has killed its worker too often fails."""
    if reined := jobs.rein_in(now(), LEASE):
        log.warning("the clock was set back: %d jobs were held or put off until then", reined)
    for job in jobs.list_expired(now()):
        if job.tries >= MOST_TRIES:
            log.error("job %d (%s) was given up after %d tries", job.id, job.kind, job.tries)
            _end(job.id, job.lease, "failed", reason=GIVEN_UP.format(tries=job.tries))
        else:
            log.warning("job %d (%s): worker %s is gone, it will go on", job.id, job.kind, job.worker)
            if jobs.write_while_held(job.id, job.lease or "", state="queued", lease=None, leased_until=None):
                db.session.commit()


def _turn(kind: Kind | None, work: Work) -> None:
    job_id, lease, tries = work.job.id, work.lease, work.job.tries - 1
    try:
        if kind is None:
            raise JobFailed("This machine does not know this kind of work. Ask your administrator to update it.")
        work.patience = kind.PATIENCE
        work.watch(work.patience)
        result = kind.run(work)
        if not _end(job_id, lease, "done", result=result):
            _throw_away(work.desk.store, result)
    except LeaseLost:
        db.session.rollback()
        log.info("job %d is no longer ours", job_id)
    except GiveWay:
        db.session.rollback()
        _put_back(job_id, lease, tries=0 if work.kept else tries)
    except JobFailed as problem:
        db.session.rollback()
        _end(job_id, lease, "failed", reason=str(problem))
    except FilesUnavailable as problem:
        # It says nothing of the job: what it kept, and what was sent for it, waits with it.
        db.session.rollback()
        log.warning("job %d waits: %s", job_id, problem)
        _put_back(job_id, lease, tries=0 if work.kept else tries, not_before=later(STORAGE_SECONDS))
    except Exception:
        db.session.rollback()
        _failed_unforeseen(job_id, lease)
    finally:
        work.watch(0)


def _failed_unforeseen(job_id: int, lease: str) -> None:
    number, job = secrets.token_hex(4), jobs.load_job(job_id)
    tries = job.tries if job else MOST_TRIES
    log.exception("error %s: job %d failed, try %d", number, job_id, tries)
    if tries >= MOST_TRIES:
        _end(job_id, lease, "failed", reason=ERROR.format(tries=tries, number=number))
    else:
        _put_back(job_id, lease, not_before=later(RETRY_SECONDS * tries))


def _put_back(job_id: int, lease: str, **values: object) -> None:
    if jobs.write_while_held(job_id, lease, state="queued", lease=None, leased_until=None, turned_at=now(), **values):
        db.session.commit()
    else:
        db.session.rollback()


def _end(job_id: int, lease: str | None, state: str, **values: Any) -> bool:
    """End the job with whatever its kind left in the session, in one transaction, or throw both away: then False."""
    held = lease is not None and jobs.write_while_held(
        job_id, lease, state=state, lease=None, leased_until=None, ended_at=now(), **values)
    if not held:
        db.session.rollback()
        log.info("job %d ended elsewhere: this result is thrown away", job_id)
        return False
    jobs.delete_parts(job_id)
    job = jobs.load_job(job_id)
    assert job is not None
    audit.record(audit.Actor(user_id=job.owner_id), f"job.{state}", f"job:{job_id}", kind=job.kind)
    db.session.commit()
    return True


def _throw_away(store: Files, result: dict[str, Any]) -> None:
    """The file of a result that nobody wants: it may hold a case that was deleted meanwhile."""
    if result.get("file"):
        try:
            store.delete(result["file"]["stored_as"])
        except OSError:
            log.exception("a file that nobody wants could not be deleted; the sweep will")


@contextmanager
def _held(job_id: int, lease: str) -> Iterator[threading.Event]:
    """Prolongs the lease from a thread of its own; the event says that it is lost."""
    lost, over = threading.Event(), threading.Event()
    engine = db.engine
    keeper = threading.Thread(target=_keep_lease, args=(engine, job_id, lease, lost, over), daemon=True)
    keeper.start()
    try:
        yield lost
    finally:
        over.set()
        keeper.join()


def _keep_lease(engine: Any, job_id: int, lease: str, lost: threading.Event, over: threading.Event) -> None:
    """Looks every second whether the job is still ours, and says every fifth that we are alive.

    A database that does not answer for a moment loses nothing: the lease lasts longer than that.
    """
    for tick in count(1):
        if over.wait(LOOK_SECONDS) or lost.is_set():
            return
        try:
            if not jobs.is_held(engine, job_id, lease, None if tick % RENEW_EVERY else now() + LEASE):
                lost.set()
        except SQLAlchemyError:
            log.warning("job %d: the database does not answer, its lease could not be prolonged", job_id)
