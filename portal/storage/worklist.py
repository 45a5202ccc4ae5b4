"""Queries for the worklist: one reader's predictions, those without a review of theirs first, then the newest.

Every query walks `ix_work_items_reader` from a place on and stops when it has enough, so that a page costs the same
wherever it lies; only of a rare text all items are fetched. What fits is never counted to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, literal, not_, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from portal.extensions import db
from portal.storage.numbers import Numbers
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, CaseReader, Image
from portal.storage.tables.readings import Prediction, Review, WorkItem
from portal.storage.texts import Holders, find_holders, in_case, in_name

WINDOW = 250
"""Items that are looked at one by one for a text before the texts themselves are searched."""
FEW = 2000
"""Cases that hold a text: so many are fetched and sorted, of more the whole list is walked for them."""
IN_ORDER = "FORCE INDEX (ix_work_items_reader)"
"""MariaDB and MySQL take another index, and sort, where they believe that few items fit."""
BY_CASE = "FORCE INDEX (ix_work_items_case_reader)"


@dataclass(frozen=True, kw_only=True)
class WorkFilter:
    """What to look for; an empty field asks for everything. Dates are UTC days, inclusive; `reader` has reviewed it,
    `reviewed` is whether the list's own reader has.
    """

    text: str = ""
    model: str = ""
    outcome: str = ""
    reader: int | None = None
    since: date | None = None
    until: date | None = None
    reviewed: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an item stands in the list."""

    reviewed: bool
    prediction_id: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """Places in the order of walking; `whole` when there is no further one."""

    places: tuple[Place, ...]
    whole: bool


def find_place(reader_id: int, prediction_id: int) -> Place | None:
    """Where it stands now."""
    item = db.session.get(WorkItem, (reader_id, prediction_id))
    return item and Place(reviewed=item.reviewed, prediction_id=prediction_id)


def find_places(reader_id: int, wanted: WorkFilter, *, need: int, most: int, start: Place | None = None,
                backwards: bool = False, texts: Texts | None = None) -> Found:
    """Walk from `start`, which is left out, or from the list's beginning, for at least `need` and at most `most`
    items that fit; fewer than `need` only where there are no more. Who walks more than once hands in `texts`.
    """
    span = _span(wanted)
    if span is None:
        return Found(places=(), whole=True)
    take = (texts or Texts(reader_id, wanted.text)).take if wanted.text else _take
    places: list[Place] = []
    for reviewed in _parts(wanted, start, backwards):
        walk = _walk(reader_id, wanted, reviewed, span, backwards)
        if start and start.reviewed == reviewed:
            here = WorkItem.prediction_id
            walk = walk.where(here > start.prediction_id if backwards else here < start.prediction_id)
        ids, whole = take(walk, need - len(places), most - len(places))
        places += [Place(reviewed=reviewed, prediction_id=one) for one in ids]
        if not whole:
            return Found(places=tuple(places), whole=False)
    return Found(places=tuple(places), whole=True)


def list_predictions(ids: Sequence[int]) -> dict[int, Prediction]:
    """By id, with image, case, reviews and their readers."""
    rows = db.session.scalars(
        select(Prediction).where(Prediction.id.in_(ids))
        .options(joinedload(Prediction.image).joinedload(Image.case).joinedload(Case.owner),
                 selectinload(Prediction.reviews).joinedload(Review.reader)))
    return {one.id: one for one in rows}


def list_fellow_readers(reader_id: int) -> list[tuple[int, str]]:
    """Everybody with whom this reader shares a case: id and name, by name."""
    mine, theirs = aliased(CaseReader), aliased(CaseReader)
    ids = (select(theirs.user_id).distinct().join(mine, mine.case_id == theirs.case_id)
           .where(mine.user_id == reader_id, theirs.user_id != reader_id))
    rows = db.session.execute(select(User.id, User.name).where(User.id.in_(db.session.scalars(ids).all()))
                              .order_by(User.name, User.id))
    return [(user_id, name) for user_id, name in rows]


def _parts(wanted: WorkFilter, start: Place | None, backwards: bool) -> list[bool]:
    """Which of the two halves of the list are walked, in order: what waits, what is reviewed."""
    parts = [one for one in (False, True) if wanted.reviewed in (None, one)]
    if start:
        parts = [one for one in parts if (one <= start.reviewed if backwards else one >= start.reviewed)]
    return parts[::-1] if backwards else parts


def _walk(reader_id: int, wanted: WorkFilter, reviewed: bool, span: tuple[int, int] | tuple[()],
          backwards: bool) -> Select[int]:
    """One half of the list in its order, with every filter but the text and where to start."""
    key = WorkItem.prediction_id
    query = select(key).where(WorkItem.user_id == reader_id, WorkItem.reviewed == reviewed)
    query = _hinted(query, IN_ORDER)
    if wanted.model:
        query = query.where(WorkItem.model == wanted.model)
    if wanted.outcome:
        query = query.where(WorkItem.outcome == wanted.outcome)
    if wanted.reader:
        theirs = aliased(WorkItem)
        query = query.where(exists().where(theirs.user_id == wanted.reader, theirs.reviewed,
                                           theirs.prediction_id == key))
    if (wanted.outcome or wanted.reader) and not reviewed:
        query = query.where(not_(exists().where(Case.id == WorkItem.case_id, Case.blind)))
    if span:
        sent = select(Prediction.created_at).where(Prediction.id == key).scalar_subquery()
        query = query.where(key.between(*span), _within(sent, wanted))
    return query.order_by(key.asc() if backwards else key.desc())


def _span(wanted: WorkFilter) -> tuple[int, int] | tuple[()] | None:
    """The first and last id between the dates, which narrow the walk; nothing without dates, None without any id."""
    if not (wanted.since or wanted.until):
        return ()
    first, last = db.session.execute(select(func.min(Prediction.id), func.max(Prediction.id))
                                     .where(_within(Prediction.created_at, wanted))).one()
    return None if first is None else (first, last)


def _within(moment: Any, wanted: WorkFilter) -> ColumnElement[bool]:
    return and_(*([moment >= datetime.combine(wanted.since, time.min)] if wanted.since else []),
                *([moment <= datetime.combine(wanted.until, time.max)] if wanted.until else []))


def _take(walk: Select[int], _need: int, most: int) -> tuple[Sequence[int], bool]:
    """Ids along a walk, and whether they are all that fit."""
    ids = db.session.scalars(walk.limit(most)).all()
    return ids, len(ids) < most


class Texts:
    """Takes the items that hold a text; one of them may serve several walks for the same text.

    A frequent text is found within the first items. For a rare one the reader's cases are searched, once: that is
    many times cheaper than to fetch three rows for each item.
    """

    def __init__(self, reader_id: int, text: str) -> None:
        self._reader_id, self._text = reader_id, text
        self._held: Holders | None = None

    def take(self, walk: Select[int], need: int, most: int) -> tuple[Sequence[int], bool]:
        if self._held is None:
            rows = db.session.execute(walk.add_columns(_holds(or_(in_case(self._text), in_name(self._text))))
                                      .limit(WINDOW)).all()
            ids = [one for one, holds in rows if holds]
            if len(ids) >= need or len(rows) < WINDOW:
                return ids[:most], len(rows) < WINDOW and len(ids) <= most
            self._held = find_holders(self._reader_id, self._text)
        return _take(self._among(walk, self._held), need, most) if self._held.all else ((), True)

    def _among(self, walk: Select[int], held: Holders) -> Select[int]:
        if len(held.all) <= FEW:
            walk = _hinted(walk, BY_CASE)
        if held.named:
            walk = walk.where(or_(not_(_one_of(held.named)), _holds(in_name(self._text))))
        return walk.where(_one_of(held.all))


def _holds(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Asked of one item at a time; a scalar subquery, which no optimiser turns into a join of its own order."""
    held = (select(literal(1)).select_from(Prediction).join(Image, Image.id == Prediction.image_id)
            .join(Case, Case.id == Image.case_id).where(Prediction.id == WorkItem.prediction_id, condition))
    return held.correlate(WorkItem).scalar_subquery().is_not(None)


def _one_of(cases: Sequence[int]) -> ColumnElement[bool]:
    return WorkItem.case_id.bool_op("IN")(bindparam(None, cases, Numbers(), literal_execute=True))


def _hinted(walk: Select[int], index: str) -> Select[int]:
    """In place of an index named before."""
    return walk.with_hint(WorkItem, index, "mysql").with_hint(WorkItem, index, "mariadb")
