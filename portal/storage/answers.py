"""Queries for predictions as programs ask for them: newest first, from one on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Select, and_, not_, select
from sqlalchemy.orm import contains_eager, selectinload

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.tables import Case, Image, Prediction, WorkItem


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
    """At most `size` of the reader's predictions that fit, newest first, all older than the one of id `before`."""
    mine = and_(WorkItem.prediction_id == Prediction.id, WorkItem.user_id == reader_id)
    query = (select(Prediction).join(WorkItem, mine).join(Prediction.image).join(Image.case)
             .where(readable_by(reader_id))
             .options(contains_eager(Prediction.image).contains_eager(Image.case), selectinload(Prediction.reviews)))
    if before is not None:
        query = query.where(WorkItem.prediction_id < before)
    page = _fitting(query, wanted).order_by(WorkItem.prediction_id.desc()).limit(size)
    return db.session.scalars(page).all()


def _fitting(query: Select[Prediction], wanted: AnswerFilter) -> Select[Prediction]:
    if wanted.model:
        query = query.where(WorkItem.model == wanted.model)
    if wanted.outcome:
        veiled = and_(Case.blind, not_(WorkItem.reviewed))
        query = query.where(veiled if wanted.outcome == "hidden" else
                            and_(not_(veiled), WorkItem.outcome == wanted.outcome))
    if wanted.since:
        query = query.where(Prediction.created_at >= datetime.combine(wanted.since, time.min))
    if wanted.until:
        query = query.where(Prediction.created_at <= datetime.combine(wanted.until, time.max))
    if wanted.reviewed is not None:
        query = query.where(WorkItem.reviewed if wanted.reviewed else not_(WorkItem.reviewed))
    if wanted.case_id is not None:
        query = query.where(WorkItem.case_id == wanted.case_id)
    return query
