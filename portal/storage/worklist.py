"""Queries for the worklist: one reader's predictions, those without a review of theirs first, then the newest.

Every query walks `ix_work_items_list` from a place on and stops when it has enough, so that a page costs the same
wherever it lies. What fits is never counted to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, not_, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from portal.extensions import db
from portal.storage.tables import Case, CaseReader, Image, Prediction, Review, User, WorkItem

WINDOW = 1000
"""Items that are looked at one by one for a text before the texts themselves are searched."""
FEW = 2000
"""Cases, or images, that may hold a text for items to be compared with their ids."""
INDEX = "FORCE INDEX (ix_work_items_list)"
"""MariaDB and MySQL take another index, and sort, where they believe that few items fit."""


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
                backwards: bool = False) -> Found:
    """Walk from `start`, which is left out, or from the list's beginning, for at least `need` and at most `most`
    items that fit; fewer than `need` only where there are no more.
    """
    span = _span(wanted)
    if span is None:
        return Found(places=(), whole=True)
    take = _Texts(wanted.text).take if wanted.text else _take
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
    query = query.with_hint(WorkItem, INDEX, "mysql").with_hint(WorkItem, INDEX, "mariadb")
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


class _Texts:
    """The same for items that hold a text.

    A frequent text is found within the first items. For a rare one the texts themselves are searched, once: that is
    many times cheaper than to fetch three rows for each item.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._rare: ColumnElement[bool] | None = None

    def take(self, walk: Select[int], need: int, most: int) -> tuple[Sequence[int], bool]:
        rows = db.session.execute(walk.add_columns(_holds(self._text)).limit(WINDOW)).all()
        ids = [one for one, holds in rows if holds]
        if len(ids) >= need or len(rows) < WINDOW:
            return ids[:most], len(rows) < WINDOW and len(ids) <= most
        if self._rare is None:
            self._rare = _holders(self._text)
        return _take(walk.where(self._rare), need, most)


def _holds(text: str) -> ColumnElement[bool]:
    """Asked of one item at a time; a scalar subquery, which no optimiser turns into a join of its own order."""
    held = (select(literal(1)).select_from(Prediction).join(Image, Image.id == Prediction.image_id)
            .join(Case, Case.id == Image.case_id).where(Prediction.id == WorkItem.prediction_id,
                                                        or_(_in_case(text), _in_image(text))))
    return held.correlate(WorkItem).scalar_subquery().is_not(None)


def _holders(text: str) -> ColumnElement[bool]:
    """The same by the ids of what holds the text; where that is much, by the oldest and the newest such case first,
    for names often count upwards.
    """
    cases = db.session.scalars(select(Case.id).where(_in_case(text)).limit(FEW)).all()
    images = db.session.scalars(select(Image.id).where(_in_image(text)).limit(FEW)).all()
    if FEW not in (len(cases), len(images)):
        read = db.session.scalars(select(Prediction.id).where(Prediction.image_id.in_(images))).all()
        return or_(WorkItem.case_id.in_(cases), WorkItem.prediction_id.in_(read))
    ends = [end for key, holds in ((Case.id, _in_case(text)), (Image.case_id, _in_image(text)))
            for end in db.session.execute(select(func.min(key), func.max(key)).where(holds)).one() if end is not None]
    return and_(WorkItem.case_id.between(min(ends), max(ends)), _holds(text))


# LIKE takes no notice of case on these databases; the lower() of `icontains` would double what it costs.
def _in_case(text: str) -> ColumnElement[bool]:
    return or_(*(column.contains(text, autoescape=True) for column in (Case.patient, Case.specimen, Case.note)))


def _in_image(text: str) -> ColumnElement[bool]:
    return Image.name.contains(text, autoescape=True)
