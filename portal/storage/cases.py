"""Queries for cases. Every one asks for the reader: nobody finds a case that is neither theirs nor shared with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, not_, or_, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.pages import Page, within
from portal.storage.tables import Case, CaseReader, Image, Prediction, WorkItem

COUNTED = 1000
"""Cases behind a page that are counted."""
INDEX = "FORCE INDEX (ix_case_readers_user_case)"


@dataclass(frozen=True, kw_only=True)
class CaseFilter:
    """What to look for in the history; an empty field asks for everything. Dates are UTC days, inclusive.

    `reviewed` is whether the reader has reviewed all results of a case, or not yet.
    """

    text: str = ""
    since: date | None = None
    until: date | None = None
    outcome: str = ""
    model: str = ""
    reviewed: bool | None = None


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
    """The reader's cases that fit, newest first. A walk along `ix_case_readers_user_case`, which is what `readable_by`
    asks; with a filter it ends `COUNTED` cases behind the page, and then the page says that there are more.
    """
    mine = (select(Case).join(CaseReader, CaseReader.case_id == Case.id).where(CaseReader.user_id == reader_id)
            .with_hint(CaseReader, INDEX, "mysql").with_hint(CaseReader, INDEX, "mariadb"))
    walk = (_fitting(mine, wanted, reader_id).with_only_columns(CaseReader.case_id)
            .order_by(CaseReader.case_id.desc()))
    if wanted == CaseFilter():
        walk = select(CaseReader.case_id).where(CaseReader.user_id == reader_id).order_by(CaseReader.case_id.desc())
        total, more = db.session.scalar(select(func.count()).select_from(walk.subquery())) or 0, False
        number = within(number, size, total)
        ids = db.session.scalars(walk.limit(size).offset((number - 1) * size)).all()
    else:
        most = number * size + COUNTED
        met = db.session.scalars(walk.limit(most)).all()
        total, more = len(met), len(met) == most
        number = within(number, size, total)
        ids = met[(number - 1) * size:number * size]
    rows = db.session.scalars(select(Case).where(Case.id.in_(ids)).order_by(Case.id.desc())
                              .options(joinedload(Case.owner)))
    return Page(items=tuple(rows), number=number, size=size, total=total, more=more)


def _fitting(query: Select[Any], wanted: CaseFilter, reader_id: int) -> Select[Any]:
    if wanted.text:
        query = query.where(or_(Case.patient.contains(wanted.text, autoescape=True),
                                Case.specimen.contains(wanted.text, autoescape=True),
                                Case.note.contains(wanted.text, autoescape=True),
                                _any(Image.case_id == Case.id, Image.name.contains(wanted.text, autoescape=True))))
    if wanted.since:
        query = query.where(Case.created_at >= datetime.combine(wanted.since, time.min))
    if wanted.until:
        query = query.where(Case.created_at <= datetime.combine(wanted.until, time.max))
    mine = (WorkItem.case_id == Case.id, WorkItem.user_id == reader_id)
    asked = _asked(wanted)
    if asked:
        query = query.where(_any(*mine, *asked))
    if wanted.reviewed:
        query = query.where(_any(*mine), not_(_any(*mine, not_(WorkItem.reviewed))))
    return query


def _asked(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    """What one result of a case must be; one that is still to be read blind has no outcome."""
    asked: list[ColumnElement[bool]] = []
    if wanted.model:
        asked.append(WorkItem.model == wanted.model)
    if wanted.outcome:
        asked += [WorkItem.outcome == wanted.outcome, or_(WorkItem.reviewed, not_(Case.blind))]
    if wanted.reviewed is False:
        asked.append(not_(WorkItem.reviewed))
    return asked


def _any(*of_case: ColumnElement[bool]) -> ColumnElement[bool]:
    """Asked of one case at a time; a scalar subquery, which no optimiser turns into a join of its own order."""
    found = select(literal(1)).where(*of_case).limit(1).correlate(Case)
    return found.scalar_subquery().is_not(None)


def count_images(case_ids: Sequence[int]) -> dict[int, int]:
    """Number of images by case."""
    rows = db.session.execute(select(Image.case_id, func.count()).where(Image.case_id.in_(case_ids))
                              .group_by(Image.case_id))
    return dict(list(rows))


def summarise_predictions(case_ids: Sequence[int], reader_id: int) -> list[PredictionSummary]:
    """The predictions of these cases, oldest first; `reviewed` by this reader."""
    reviewed = exists().where(WorkItem.user_id == reader_id, WorkItem.prediction_id == Prediction.id, WorkItem.reviewed)
    rows = db.session.execute(
        select(Image.case_id, Image.id, Prediction.outcome, Prediction.label, Prediction.demonstration, reviewed)
        .join(Image, Image.id == Prediction.image_id).where(Image.case_id.in_(case_ids)).order_by(Prediction.id))
    return [PredictionSummary(case_id=case_id, image_id=image_id, outcome=outcome, label=label,
                              demonstration=demonstration, reviewed=bool(seen))
            for case_id, image_id, outcome, label, demonstration, seen in rows]


def ids_that_fit(reader_id: int, wanted: CaseFilter) -> Select[tuple[int]]:
    """The ids of all the reader's cases that fit, in no order: for queries of what is in them."""
    return _fitting(select(Case).where(readable_by(reader_id)), wanted, reader_id).with_only_columns(Case.id)
