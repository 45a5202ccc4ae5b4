"""Queries for cases. Every one asks for the reader: nobody finds a case that is neither theirs nor shared with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, exists, func, not_, or_, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.pages import Page, within
from portal.storage.tables.cases import Case, CaseReader, Image
from portal.storage.tables.readings import Prediction, WorkItem
from portal.storage.texts import READERS_CASES, in_case_or_names

FEW = 500
"""Cases that are named one by one to the database; of more, each is asked."""
COUNTED = 1000
"""Cases behind a page that are counted."""


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


def load_case(case_id: int) -> Case | None:
    """Whoever asks: for a worker, which acts for its owner."""
    return db.session.get(Case, case_id)


def add_case(case: Case) -> None:
    db.session.add(case)
    db.session.flush()


def list_cases(reader_id: int, wanted: CaseFilter, number: int, size: int) -> Page[Case]:
    """The reader's cases that fit, newest first. A walk along `ix_case_readers_user_case`, which is what `readable_by`
    asks; with a filter it ends `COUNTED` cases behind the page, and then the page says that there are more.
    """
    walk = ids_that_fit(reader_id, wanted).order_by(CaseReader.case_id.desc())
    if wanted == CaseFilter():
        total, more = db.session.scalar(select(func.count()).select_from(walk.subquery())) or 0, False
        number = within(number, size, total)
        ids = db.session.scalars(walk.limit(size).offset((number - 1) * size)).all()
    else:
        most = number * size + COUNTED
        for dialect in ("mysql", "mariadb"):
            walk = walk.prefix_with("STRAIGHT_JOIN", dialect=dialect)
        met = db.session.scalars(walk.limit(most)).all()
        total, more = len(met), len(met) == most
        number = within(number, size, total)
        ids = met[(number - 1) * size:number * size]
    rows = db.session.scalars(select(Case).where(Case.id.in_(ids)).order_by(Case.id.desc())
                              .options(joinedload(Case.owner)))
    return Page(items=tuple(rows), number=number, size=size, total=total, more=more)


def ids_that_fit(reader_id: int, wanted: CaseFilter) -> Select[int]:
    """The ids of all the reader's cases that fit, as `CaseReader.case_id`, in no order."""
    query = (select(CaseReader.case_id).where(CaseReader.user_id == reader_id)
             .with_hint(CaseReader, READERS_CASES, "mysql").with_hint(CaseReader, READERS_CASES, "mariadb"))
    # Cases are met only where they are asked something: each costs as much as its results do.
    if wanted.text or wanted.since or wanted.until or wanted.outcome:
        query = query.join(Case, Case.id == CaseReader.case_id)
    if wanted.text:
        query = query.where(in_case_or_names(wanted.text))
    if wanted.since:
        query = query.where(Case.created_at >= datetime.combine(wanted.since, time.min))
    if wanted.until:
        query = query.where(Case.created_at <= datetime.combine(wanted.until, time.max))
    few = _few_with(reader_id, wanted.model) if wanted.model else None
    if few is not None:
        query = query.where(CaseReader.case_id.in_(few))
    return query.where(*_of_results(reader_id, wanted))


def _few_with(reader_id: int, model: str) -> Sequence[int] | None:
    """The cases in which this model answered, where they are few: asking every case for them costs many times more."""
    found = db.session.scalars(select(WorkItem.case_id).distinct().limit(FEW + 1)
                               .where(WorkItem.user_id == reader_id, WorkItem.model == model)).all()
    return found if len(found) <= FEW else None


def _of_results(reader_id: int, wanted: CaseFilter) -> list[ColumnElement[bool]]:
    """What the results of a case must be; one that is still to be read blind has no outcome."""
    asked: list[ColumnElement[bool]] = []
    if wanted.model:
        asked.append(WorkItem.model == wanted.model)
    if wanted.outcome:
        asked += [WorkItem.outcome == wanted.outcome, or_(WorkItem.reviewed, not_(Case.blind))]
    if wanted.reviewed is False:
        asked.append(not_(WorkItem.reviewed))
    mine = (WorkItem.case_id == CaseReader.case_id, WorkItem.user_id == reader_id)
    return ([_of_case(func.max(1), *mine, *asked).is_not(None)] if asked else []) + (
        [_of_case(func.min(WorkItem.reviewed), *mine) == 1] if wanted.reviewed else [])


def _of_case(what: ColumnElement[Any], *met: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Asked of one case at a time; a scalar subquery, which no optimiser turns into a join of its own order."""
    return select(what).where(*met).correlate(Case, CaseReader).scalar_subquery()


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
