"""Jobs and their finished parts: who may take one, who holds it, and what is only written while it is held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, Engine, and_, delete, func, or_, select, update
from sqlalchemy.orm import joinedload
from sqlalchemy.sql.dml import Update

from portal.extensions import db
from portal.storage.changes import changed_rows
from portal.storage.tables.columns import AHEAD
from portal.storage.tables.jobs import Job, JobPart

LONG_AGO = datetime(1970, 1, 1)
OPEN = ("queued", "running")


def add_job(job: Job) -> Job:
    """The caller commits; the row has its id."""
    db.session.add(job)
    db.session.flush()
    return job


def find_job(job_id: int, owner_id: int) -> Job | None:
    return db.session.scalar(select(Job).where(Job.id == job_id, Job.owner_id == owner_id))


def load_job(job_id: int) -> Job | None:
    return db.session.get(Job, job_id, populate_existing=True)


def list_jobs(owner_id: int, limit: int, before: int | None = None) -> Sequence[Job]:
    """A reader's own jobs, the newest first."""
    query = select(Job).where(Job.owner_id == owner_id, *([Job.id < before] if before else []))
    return db.session.scalars(query.order_by(Job.id.desc()).limit(limit)).all()


def list_open_jobs(limit: int) -> Sequence[Job]:
    """Everybody's waiting and running jobs, the oldest first, with their owners."""
    query = select(Job).where(Job.state.in_(OPEN)).order_by(Job.id).limit(limit)
    return db.session.scalars(query.options(joinedload(Job.owner))).all()


def list_case_jobs(case_id: int, failed_since: datetime, limit: int) -> Sequence[Job]:
    """What waits, runs or failed lately for a case, everybody's, the oldest first, with their owners."""
    query = select(Job).where(Job.case_id == case_id, or_(Job.state.in_(OPEN), and_(
        Job.state == "failed", Job.ended_at >= failed_since)))
    return db.session.scalars(query.order_by(Job.id).limit(limit).options(joinedload(Job.owner))).all()


def count_open(owner_id: int, most: int) -> int:
    """How many jobs of this reader wait or run, counted up to `most`: a short walk along an index."""
    held = select(Job.id).where(Job.owner_id == owner_id, Job.state.in_(OPEN)).limit(most)
    return db.session.scalar(select(func.count()).select_from(held.subquery())) or 0


def oldest_waiting() -> datetime | None:
    """When the job was asked for that waits longest."""
    return db.session.scalar(select(func.min(Job.created_at)).where(Job.state == "queued"))


def list_of_kind(case_id: int, kind: str) -> Sequence[Job]:
    """Every job of this kind that was asked for in a case, whatever became of it."""
    return db.session.scalars(select(Job).where(Job.case_id == case_id, Job.kind == kind)).all()


def list_open_of_kind(kind: str) -> Sequence[Job]:
    """The jobs of this kind that are on their way, everybody's, the oldest first."""
    return db.session.scalars(select(Job).where(Job.kind == kind, Job.state.in_(OPEN)).order_by(Job.id)).all()


def list_open_ids(job_ids: Collection[int]) -> set[int]:
    """Which of these jobs wait or run."""
    return set(db.session.scalars(select(Job.id).where(Job.id.in_(job_ids), Job.state.in_(OPEN))))


def list_open_of_image(kind: str, image_id: int) -> Sequence[Job]:
    """The jobs of this kind that are on their way for this image."""
    query = select(Job).where(Job.image_id == image_id, Job.kind == kind, Job.state.in_(OPEN))
    return db.session.scalars(query.order_by(Job.id)).all()


def count_before(job: Job) -> int:
    """Jobs of the same owner that wait or run and were asked for earlier."""
    return db.session.scalar(select(func.count()).where(
        Job.state.in_(OPEN), Job.owner_id == job.owner_id, Job.id < job.id)) or 0


def count_open_by_owner() -> dict[int, int]:
    """How many jobs wait or run, by owner."""
    rows = db.session.execute(select(Job.owner_id, func.count()).where(Job.state.in_(OPEN)).group_by(Job.owner_id))
    return {one.owner_id: one[1] for one in rows}


def count_open_by_kind() -> dict[tuple[str, str], int]:
    """How many jobs wait or run, by state and kind: a walk along an index over those that are open."""
    rows = db.session.execute(select(Job.state, Job.kind, func.count()).where(Job.state.in_(OPEN))
                              .group_by(Job.state, Job.kind))
    return {(one.state, one.kind): one[2] for one in rows}


def count_by_state() -> dict[str, int]:
    rows = db.session.execute(select(Job.state, func.count()).group_by(Job.state))
    return {one.state: one[1] for one in rows}


def any_ready(moment: datetime, besides: int | None = None) -> bool:
    """Whether a job may be taken now; with `besides`, one of another owner."""
    query = select(Job.id).where(*_ready(moment)).limit(1)
    return db.session.scalar(query if besides is None else query.where(Job.owner_id != besides)) is not None


def next_in_turn(moment: datetime) -> Sequence[int]:
    """The first waiting job of every owner: who has the fewest running comes first, then whose last turn is oldest."""
    running = (select(Job.owner_id, func.count().label("number")).where(Job.state == "running")
               .group_by(Job.owner_id).subquery())
    first = (select(Job.owner_id, func.min(Job.id).label("id")).where(*_ready(moment))
             .group_by(Job.owner_id).subquery())
    # Asked for by owner, so that it is one step along an index and not a walk over everything that ever ended.
    turned = (select(Job.turned_at).where(Job.owner_id == first.c.owner_id, Job.turned_at <= moment)
              .order_by(Job.turned_at.desc()).limit(1).correlate(first).scalar_subquery())
    query = (select(first.c.id).outerjoin(running, running.c.owner_id == first.c.owner_id)
             .order_by(func.coalesce(running.c.number, 0), func.coalesce(turned, LONG_AGO), first.c.id))
    return db.session.scalars(query).all()


def take(job_id: int, lease: str, worker: str, moment: datetime, length: timedelta) -> bool:
    """Hold a waiting job; False when somebody else was first. Commits."""
    taken = _changed(update(Job).where(Job.id == job_id, Job.state == "queued").values(
        state="running", lease=lease, leased_until=moment + length, worker=worker, turned_at=moment,
        tries=Job.tries + 1, started_at=func.coalesce(Job.started_at, moment), not_before=None))
    db.session.commit()
    return taken


def is_held(engine: Engine, job_id: int, lease: str, until: datetime | None) -> bool:
    """Whether the lease still holds, prolonged to `until` if given; on a connection of its own, for another thread."""
    mine = (Job.id == job_id, Job.lease == lease)
    if until is None:
        with engine.connect() as connection:
            return connection.scalar(select(Job.id).where(*mine)) is not None
    with engine.begin() as connection:
        return bool(connection.execute(update(Job).where(*mine).values(leased_until=until)).rowcount)


def write_while_held(job_id: int, lease: str, /, **values: object) -> bool:
    """Change the job's row if the lease still holds, and keep others from changing it until the caller commits."""
    return _changed(update(Job).where(Job.id == job_id, Job.lease == lease).values(**values))


def list_expired(moment: datetime) -> Sequence[Job]:
    """Running jobs whose holder has not been heard of."""
    return db.session.scalars(select(Job).where(Job.state == "running", Job.leased_until < moment)).all()


def rein_in(moment: datetime, longest: timedelta) -> int:
    """Bring leases and waits nearer that a clock gave which was set back since; how many. Who lives prolongs its own.

    Commits where there were any.
    """
    far, near = moment + AHEAD + longest, moment + longest
    held, waits = (Job.state == "running", Job.leased_until > far), (Job.state == "queued", Job.not_before > far)
    # Asked first: on SQLite a change of no row, too, keeps others waiting.
    if db.session.scalar(select(Job.id).where(or_(and_(*held), and_(*waits))).limit(1)) is None:
        return 0
    changed = (changed_rows(update(Job).where(*held).values(leased_until=near))
               + changed_rows(update(Job).where(*waits).values(not_before=near)))
    db.session.commit()
    return changed


def end_unheld(job_id: int, states: Sequence[str], /, **values: object) -> bool:
    """Put a job that is in one of these states into another and take it from its holder. The caller commits."""
    values = {"lease": None, "leased_until": None, **values}
    return _changed(update(Job).where(Job.id == job_id, Job.state.in_(states)).values(**values))


def list_with_files(ended_before: datetime | None = None) -> Sequence[Job]:
    """Jobs whose file is kept; with a moment, those that ended before it."""
    kept = func.coalesce(Job.result["file"]["stored_as"].as_string(), "") != ""
    query = select(Job).where(Job.state == "done", kept)
    return db.session.scalars(query if ended_before is None else query.where(Job.ended_at < ended_before)).all()


def add_part(job_id: int, number: int, content: bytes) -> None:
    """The caller commits."""
    db.session.add(JobPart(job_id=job_id, number=number, content=content))


def list_part_numbers(job_id: int) -> set[int]:
    return set(db.session.scalars(select(JobPart.number).where(JobPart.job_id == job_id)))


def read_parts(job_id: int) -> dict[int, bytes]:
    """Every finished part by its number."""
    rows = db.session.execute(select(JobPart.number, JobPart.content).where(JobPart.job_id == job_id))
    return {one.number: one.content for one in rows}


def read_part(job_id: int, number: int) -> bytes | None:
    """One finished part, if there is such."""
    return db.session.scalar(select(JobPart.content).where(JobPart.job_id == job_id, JobPart.number == number))


def delete_parts(job_id: int) -> None:
    """The caller commits."""
    db.session.execute(delete(JobPart).where(JobPart.job_id == job_id))


def _ready(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    return Job.state == "queued", or_(Job.not_before.is_(None), Job.not_before <= moment)


def _changed(statement: Update) -> bool:
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return bool(result.rowcount)
