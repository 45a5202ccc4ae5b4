"""Queries for readings to compare: only of predictions that were reviewed, and that the asking reader may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, TypeVarTuple

from sqlalchemy import Select, exists, func, not_, null, or_, select

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, Review, WorkItem

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, kw_only=True)
class ReadingFilter:
    """Which readings count. Dates are UTC days of the reading, inclusive."""

    since: date | None = None
    until: date | None = None
    blind: bool = False


@dataclass(frozen=True, kw_only=True)
class ReadingRow:
    """One review beside what the model said; the scores of both only where they were asked for."""

    prediction_id: int
    case_id: int
    reader_id: int
    verdict: str
    label: str | None
    scores: dict[str, Any] | None
    blind: bool
    outcome: str
    said_label: str | None
    said_scores: dict[str, Any] | None
    demonstration: str


def count_readings(reader_id: int, wanted: ReadingFilter) -> dict[tuple[str, str], int]:
    """Number of readings by model and version."""
    query = select(Prediction.model, Prediction.version, func.count()).group_by(Prediction.model, Prediction.version)
    return {(model, version): number
            for model, version, number in db.session.execute(_visible(query, reader_id, wanted))}


def list_readings(reader_id: int, model: str, version: str, wanted: ReadingFilter, most: int, *,
                  scores: bool) -> list[ReadingRow]:
    """The newest readings of one version, oldest first; `scores` costs the decoding of two objects a row."""
    query = _visible(select(
        Prediction.id, Image.case_id, Review.reader_id, Review.verdict, Review.label,
        Review.scores if scores else null(), Review.blind, Prediction.outcome, Prediction.label,
        Prediction.scores if scores else null(), Prediction.demonstration), reader_id, wanted)
    rows = db.session.execute(query.where(Prediction.model == model, Prediction.version == version)
                              .order_by(Review.id.desc()).limit(most)).all()
    return [ReadingRow(prediction_id=prediction, case_id=case, reader_id=reader, verdict=verdict, label=label,
                       scores=own, blind=blind, outcome=outcome, said_label=said, said_scores=said_scores,
                       demonstration=demonstration)
            for prediction, case, reader, verdict, label, own, blind, outcome, said, said_scores, demonstration
            in reversed(rows)]


def list_names(user_ids: list[int]) -> list[tuple[int, str, str]]:
    """Id, name and address."""
    return [(number, name, email) for number, name, email in db.session.execute(
        select(User.id, User.name, User.email).where(User.id.in_(user_ids)).order_by(User.name, User.id))]


def _visible(query: Select[*Columns], reader_id: int, wanted: ReadingFilter) -> Select[*Columns]:
    """Of the reader's cases, without what is veiled for them: a figure must not tell it either."""
    seen = exists().where(WorkItem.user_id == reader_id, WorkItem.prediction_id == Prediction.id, WorkItem.reviewed)
    query = (query.select_from(Review).join(Prediction, Prediction.id == Review.prediction_id)
             .join(Image, Image.id == Prediction.image_id).join(Case, Case.id == Image.case_id)
             .where(readable_by(reader_id), or_(not_(Case.blind), seen)))
    if wanted.since:
        query = query.where(Review.created_at >= datetime.combine(wanted.since, time.min))
    if wanted.until:
        query = query.where(Review.created_at <= datetime.combine(wanted.until, time.max))
    return query.where(Review.blind) if wanted.blind else query
