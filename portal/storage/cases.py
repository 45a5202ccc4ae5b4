"""Queries for cases. Every one asks for the reader: nobody finds a case that is neither theirs nor shared with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Select, exists, func, not_, or_, select

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.pages import Page, within
from portal.storage.tables import Case, Image, Prediction, Review, WorkItem


@dataclass(frozen=True, kw_only=True)
class CaseFilter:
    """What to look for in the history; an empty field asks for everything. Dates are UTC days, inclusive."""

    text: str = ""
    since: date | None = None
    until: date | None = None
    outcome: str = ""


@dataclass(frozen=True, kw_only=True)
class PredictionSummary:
    """As much of a prediction as a list of cases shows."""

    case_id: int
    image_id: int
    outcome: str
    label: str | None
    demonstration: str
    reviewed: bool


def find_case(case_id: int, reader_id: int) -> Case | None:
    return db.session.scalar(select(Case).where(Case.id == case_id, readable_by(reader_id)))


def add_case(case: Case) -> None:
    db.session.add(case)
    db.session.flush()


def list_cases(reader_id: int, wanted: CaseFilter, number: int, size: int) -> Page[Case]:
    """The reader's cases that fit, newest first."""
    query = _fitting(select(Case).where(readable_by(reader_id)), wanted, reader_id)
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    number = within(number, size, total)
    rows: Iterable[Case] = db.session.scalars(query.order_by(Case.created_at.desc(), Case.id.desc())
                              .limit(size).offset((number - 1) * size))
    return Page(items=tuple(rows), number=number, size=size, total=total)


def _fitting(query: Select[tuple[Case]], wanted: CaseFilter, reader_id: int) -> Select[tuple[Case]]:
    if wanted.text:
        named = exists().where(Image.case_id == Case.id, Image.name.icontains(wanted.text, autoescape=True))
        query = query.where(or_(Case.patient.icontains(wanted.text, autoescape=True),
                                Case.specimen.icontains(wanted.text, autoescape=True),
                                Case.note.icontains(wanted.text, autoescape=True), named))
    if wanted.since:
        query = query.where(Case.created_at >= datetime.combine(wanted.since, time.min))
    if wanted.until:
        query = query.where(Case.created_at <= datetime.combine(wanted.until, time.max))
    if wanted.outcome:
        query = query.where(exists().where(WorkItem.case_id == Case.id, WorkItem.user_id == reader_id,
                                           WorkItem.outcome == wanted.outcome,
                                           or_(WorkItem.reviewed, not_(Case.blind))))
    return query


def count_images(case_ids: Sequence[int]) -> dict[int, int]:
    """Number of images by case."""
    rows = db.session.execute(select(Image.case_id, func.count()).where(Image.case_id.in_(case_ids))
                              .group_by(Image.case_id))
    return dict(list(rows))


def summarise_predictions(case_ids: Sequence[int], reader_id: int) -> list[PredictionSummary]:
    """The predictions of these cases, oldest first; `reviewed` by this reader."""
    reviewed = exists().where(Review.prediction_id == Prediction.id, Review.reader_id == reader_id)
    rows = db.session.execute(
        select(Image.case_id, Image.id, Prediction.outcome, Prediction.label, Prediction.demonstration, reviewed)
        .join(Image, Image.id == Prediction.image_id)
        .where(Image.case_id.in_(case_ids)).order_by(Prediction.id))
    return [PredictionSummary(case_id=case_id, image_id=image_id, outcome=outcome, label=label,
                              demonstration=demonstration, reviewed=bool(seen))
            for case_id, image_id, outcome, label, demonstration, seen in rows]


def ids_that_fit(reader_id: int, wanted: CaseFilter) -> Select[tuple[int]]:
    """The ids of all the reader's cases that fit, in no order: for queries of what is in them."""
    return _fitting(select(Case).where(readable_by(reader_id)), wanted, reader_id).with_only_columns(Case.id)
