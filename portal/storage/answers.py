"""Queries for predictions as programs ask for them: newest first, from one on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Select, and_, not_, select
from sqlalchemy.orm import contains_eager, selectinload

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, WorkItem


@dataclass(frozen=True, kw_only=True)
class AnswerFilter:
    """What to look for; an empty field asks for everything. Dates are UTC days, inclusive; `hidden` is an outcome."""

    model: str = ""
    outcome: str = ""
    since: date | None = None
    until: date | None = None
    reviewed: bool | None = None
    case_id: int | None = None


def list_predictions(reader_id: int, wanted: AnswerFilter, before: int | None, size: int) -> Sequence[Prediction]:
    """At most `size` of the reader's predictions that fit, newest first, all older than the one of id `before`.

    One walk along the key of `work_items`, then the rows that it met: joined at once, MariaDB sorts all of them.
    """
    walk = _fitting(select(WorkItem.prediction_id).where(WorkItem.user_id == reader_id), wanted)
    if before is not None:
        walk = walk.where(WorkItem.prediction_id < before)
    ids = db.session.scalars(walk.order_by(WorkItem.prediction_id.desc()).limit(size)).all()
    query = (select(Prediction).join(Prediction.image).join(Image.case)
             .where(Prediction.id.in_(ids), readable_by(reader_id)).order_by(Prediction.id.desc())
             .options(contains_eager(Prediction.image).contains_eager(Image.case), selectinload(Prediction.reviews)))
    return db.session.scalars(query).all()


def _fitting(walk: Select[int], wanted: AnswerFilter) -> Select[int]:
    """What is asked of other tables is asked row by row, so that no plan begins there."""
    if wanted.model:
        walk = walk.where(WorkItem.model == wanted.model)
    if wanted.outcome:
        blind = select(Case.blind).where(Case.id == WorkItem.case_id).scalar_subquery()
        veiled = and_(not_(WorkItem.reviewed), blind)
        walk = walk.where(veiled if wanted.outcome == "hidden" else
                          and_(WorkItem.outcome == wanted.outcome, not_(veiled)))
    made = select(Prediction.created_at).where(Prediction.id == WorkItem.prediction_id).scalar_subquery()
    if wanted.since:
        walk = walk.where(made >= datetime.combine(wanted.since, time.min))
    if wanted.until:
        walk = walk.where(made <= datetime.combine(wanted.until, time.max))
    if wanted.reviewed is not None:
        walk = walk.where(WorkItem.reviewed if wanted.reviewed else not_(WorkItem.reviewed))
    if wanted.case_id is not None:
        walk = walk.where(WorkItem.case_id == wanted.case_id)
    return walk
