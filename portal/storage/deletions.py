"""Queries for deletions: proposals, what a case holds, and taking it away. Only here is deleted what is only added.

The database refuses each of these DELETEs unless the case stands in `case_deletions` as confirmed by a second person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, or_, select, update
from sqlalchemy.orm import joinedload, undefer

from portal.extensions import db
from portal.storage.changes import changed_rows
from portal.storage.jobs import OPEN, list_with_files
from portal.storage.pages import Page, within
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, CaseReader, Delivery, Image
from portal.storage.tables.columns import now
from portal.storage.tables.deletions import CaseDeletion
from portal.storage.tables.jobs import Job, JobPart
from portal.storage.tables.readings import Annotation, Prediction, Report, Review, ReviewDraft, WorkItem

EXPORTS = ("export", "pseudonym-export")
"""Kinds of jobs whose files may hold any case."""
PEOPLE = (joinedload(CaseDeletion.owner), joinedload(CaseDeletion.proposer), joinedload(CaseDeletion.confirmer),
          joinedload(CaseDeletion.withdrawer))


@dataclass(frozen=True, kw_only=True)
class Stock:
    """What a case holds: how much, sha256 sums of it, and the names of its files."""

    counts: dict[str, int]
    hashes: dict[str, Any]
    stored: list[str]
    incoming: list[str]


def add(row: CaseDeletion) -> CaseDeletion:
    """The caller commits; the row has its id."""
    db.session.add(row)
    db.session.flush()
    return row


def find(deletion_id: int) -> CaseDeletion | None:
    return db.session.scalar(select(CaseDeletion).where(CaseDeletion.id == deletion_id).options(*PEOPLE))


def lock(deletion_id: int) -> CaseDeletion | None:
    """As it is now, kept from others until the commit."""
    return db.session.get(CaseDeletion, deletion_id, with_for_update=True, populate_existing=True)


def find_open(case_id: int) -> CaseDeletion | None:
    """The proposal that waits for somebody's confirmation."""
    return db.session.scalar(select(CaseDeletion).where(CaseDeletion.case_id == case_id,
                                                        CaseDeletion.state == "proposed"))


def list_open() -> Sequence[CaseDeletion]:
    """Every proposal that waits, the oldest first."""
    return db.session.scalars(select(CaseDeletion).where(CaseDeletion.state == "proposed")
                              .order_by(CaseDeletion.id).options(*PEOPLE)).all()


def list_ended(number: int, size: int) -> Page[CaseDeletion]:
    """What was deleted or withdrawn, the newest first."""
    query = select(CaseDeletion).where(CaseDeletion.state.in_(("done", "withdrawn")))
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    number = within(number, size, total)
    rows = db.session.scalars(query.order_by(CaseDeletion.id.desc()).limit(size).offset((number - 1) * size)
                              .options(*PEOPLE))
    return Page(items=tuple(rows), number=number, size=size, total=total)


def list_with_files_left() -> Sequence[CaseDeletion]:
    """Deleted cases of whose files some are still to go."""
    return db.session.scalars(select(CaseDeletion).where(CaseDeletion.state == "done",
                                                         CaseDeletion.files_left.is_not(None))
                              .options(undefer(CaseDeletion.files_left))).all()


def find_case(case_id: int) -> Case | None:
    """Whoever asks: a page of administration, which shows its number and not its patient."""
    return db.session.scalar(select(Case).where(Case.id == case_id).options(joinedload(Case.owner)))


def list_older(before: datetime, number: int, size: int) -> Page[Case]:
    """Cases in which nothing has come in or been said since a moment, the oldest first, and of which nobody has
    proposed the deletion yet.
    """
    images = exists().where(Image.case_id == Case.id, Image.uploaded_at >= before)
    reviews = exists().where(Image.case_id == Case.id, Prediction.image_id == Image.id,
                             Review.prediction_id == Prediction.id, Review.created_at >= before)
    reports = exists().where(Report.case_id == Case.id, Report.signed_at >= before)
    proposed = exists().where(CaseDeletion.case_id == Case.id, CaseDeletion.state == "proposed")
    query = select(Case).where(Case.created_at < before, ~images, ~reviews, ~reports, ~proposed)
    total = db.session.scalar(query.with_only_columns(func.count())) or 0
    number = within(number, size, total)
    rows = db.session.scalars(query.order_by(Case.id).limit(size).offset((number - 1) * size)
                              .options(joinedload(Case.owner)))
    return Page(items=tuple(rows), number=number, size=size, total=total)


def hold_case(case_id: int) -> bool:
    """Keep everybody from adding to the case until the commit; False when it is gone. A write, for on SQLite nothing
    else keeps others out.
    """
    return changed_rows(update(Case).where(Case.id == case_id).values(owner_id=Case.owner_id)) == 1


def hold_content(case_id: int) -> None:
    """Wait for whoever adds a prediction, a drawing or a review now, and keep others from it until the commit."""
    db.session.execute(_images(case_id).with_for_update())
    db.session.execute(_predictions(case_id).with_for_update())


def list_open_jobs(case_id: int) -> Sequence[int]:
    return db.session.scalars(select(Job.id).where(_jobs(case_id), Job.state.in_(("queued", "running")))).all()


def halt_exports(case_id: int, reason: str) -> list[int]:
    """Put back what is made of any case just now, so that it begins anew without this one; none begins before the
    commit. What searches for this one's pseudonym is ended instead, or was, and forgets what it searched for.

    Returns the jobs that were ended.
    """
    exports = Job.kind.in_(EXPORTS)
    _run(update(Job).where(exports, Job.state.in_(OPEN)).values(
        state="queued", lease=None, leased_until=None, tries=0))
    patient, ended = db.session.scalars(select(Case.patient).where(Case.id == case_id)).one(), []
    searched = func.coalesce(Job.params["cases"]["text"].as_string(), "") != ""
    for job in db.session.scalars(select(Job).where(Job.kind == "export", searched).with_for_update()
                                  .execution_options(populate_existing=True)):
        if not _tell_of_each_other(job.params["cases"]["text"], patient):
            continue
        if job.state in OPEN:
            job.state, job.reason, job.ended_at = "cancelled", reason, now()
            ended.append(job.id)
        job.params = {"forgotten": True}
    db.session.flush()
    return ended


def take_stock(case_id: int) -> Stock:
    """Of a case that is held."""
    images = db.session.execute(select(Image.sha256, Image.stored_as).where(Image.case_id == case_id)
                                .order_by(Image.id)).all()
    reports = db.session.scalars(select(Report.sha256).where(Report.case_id == case_id).order_by(Report.number)).all()
    predictions = _rows(Prediction, Prediction.id.in_(_predictions(case_id)), "id", "image_id", "model", "version",
                        "weights_sha256", "outcome", "label", "scores", "created_at")
    reviews = _rows(Review, Review.prediction_id.in_(_predictions(case_id)), "id", "prediction_id", "reader_id",
                    "verdict", "label", "scores", "reason", "created_at")
    drawn = _rows(Annotation, Annotation.image_id.in_(_images(case_id)), "id", "image_id", "reader_id", "mark",
                  "points", "text", "removed", "created_at")
    incoming = db.session.scalars(select(Delivery.stored_as).where(Delivery.case_id == case_id)).all()
    jobs = db.session.scalars(select(Job.result).where(or_(_jobs(case_id), Job.kind.in_(EXPORTS)))).all()
    made = [one["file"]["stored_as"] for one in jobs if one and one.get("file", {}).get("stored_as")]
    counts = {"images": len(images), "predictions": len(predictions), "reviews": len(reviews),
              "drawings": len(drawn), "reports": len(reports), "files": len(images) + len(incoming) + len(made),
              "jobs": db.session.scalar(select(func.count()).where(_jobs(case_id))) or 0}
    return Stock(counts=counts, stored=[one.stored_as for one in images] + made, incoming=list(incoming),
                 hashes={"images": [one.sha256 for one in images], "reports": list(reports),
                         "predictions": _digest(predictions), "reviews": _digest(reviews), "drawings": _digest(drawn)})


def erase(case_id: int) -> None:
    """Every row of the case, from the leaves to the case itself. The caller commits. Jobs keep their numbers and who
    asked for them, and nothing else.
    """
    predictions, images = _predictions(case_id), _images(case_id)
    _forget_exports()
    mine = list(db.session.scalars(select(Job.id).where(_jobs(case_id))))
    _run(delete(Delivery).where(Delivery.case_id == case_id))
    _run(delete(JobPart).where(JobPart.job_id.in_(mine)))
    _run(update(Job).where(Job.id.in_(mine)).values(
        case_id=None, image_id=None, params={}, result=None, note="", reason="", title=f"Of case {case_id}, deleted"))
    _run(delete(ReviewDraft).where(ReviewDraft.prediction_id.in_(predictions)))
    _run(delete(WorkItem).where(WorkItem.prediction_id.in_(predictions)))
    _run(delete(Review).where(Review.prediction_id.in_(predictions)))
    _run(delete(Prediction).where(Prediction.image_id.in_(images)))
    _run(delete(Annotation).where(Annotation.image_id.in_(images)))
    _run(delete(Report).where(Report.case_id == case_id))
    _run(delete(Image).where(Image.case_id == case_id))
    _run(delete(CaseReader).where(CaseReader.case_id == case_id))
    _run(delete(Case).where(Case.id == case_id))


def count_cases(owner_id: int) -> int:
    """How many cases somebody has opened."""
    return db.session.scalar(select(func.count()).where(Case.owner_id == owner_id)) or 0


def list_administrators() -> set[int]:
    """Who may administer now."""
    return set(db.session.scalars(select(User.id).where(User.role == "admin", User.status == "approved")))


def _forget_exports() -> None:
    """Files with any case in them are made anew when they are wanted again."""
    for job in list_with_files():
        if job.kind in EXPORTS and job.result:
            job.result = {**job.result, "file": {**job.result["file"], "stored_as": ""}}
    db.session.flush()


def _tell_of_each_other(text: str, pseudonym: str) -> bool:
    one, other = text.strip().casefold(), pseudonym.strip().casefold()
    return bool(one) and (one in other or other in one)


def _jobs(case_id: int) -> Any:
    return or_(Job.case_id == case_id, Job.image_id.in_(_images(case_id)))


def _images(case_id: int) -> Select[int]:
    return select(Image.id).where(Image.case_id == case_id)


def _predictions(case_id: int) -> Select[int]:
    return select(Prediction.id).where(Prediction.image_id.in_(_images(case_id)))


def _rows(table: Any, which: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in
            db.session.execute(select(*(getattr(table, one) for one in names)).where(which).order_by(table.id))]


def _digest(rows: Iterable[tuple[Any, ...]]) -> str:
    """The sha256 of the rows as JSON, a line each."""
    lines = (json.dumps(row, sort_keys=True, ensure_ascii=False, default=str) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _run(statement: Any) -> None:
    db.session.execute(statement, execution_options={"synchronize_session": False})
