"""The worklist: what waits for a reader's review, then what was reviewed, and the way from one item to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from models.engine import Engine
from models.spec import ModelSpec
from portal.services.blind import is_veiled
from portal.services.cases import VEILED, score_of, shared_by, words_of
from portal.services.latest import latest_of_each
from portal.services.samples import is_drawn
from portal.services.scores import summary_of
from portal.storage import worklist
from portal.storage.pages import Stretch
from portal.storage.tables.readings import Prediction
from portal.storage.worklist import Place, Texts, WorkFilter

SIZE = 25
COUNTED = 1000
"""A list is counted no further than this."""


@dataclass(frozen=True, kw_only=True)
class OtherReading:
    """The latest review of another reader, in words."""

    reader: str
    words: str


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """One prediction on the worklist; `score` is the probability of `label`, `summary` what else was scored,
    `reading` the reader's own latest review in words, `others` the latest of each other reader.
    """

    case_id: int
    patient: str
    specimen: str
    image_id: int
    image_name: str
    prediction_id: int
    model: str
    title: str
    outcome: str
    label: str | None
    score: float | None
    summary: str
    demonstration: str
    reason: str
    created_at: datetime
    reviewed: bool
    reading: str
    others: tuple[OtherReading, ...]
    drawn: bool
    shared_by: str

    @property
    def place(self) -> Place:
        return Place(reviewed=self.reviewed, prediction_id=self.prediction_id)


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Where to read on: after a place, or before it."""

    place: Place
    backwards: bool


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """An item to go to, by name."""

    place: Place
    patient: str
    image_name: str


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What stands beside an item in a filtered list. `read` says that it was opened as waiting and is reviewed now:
    then `after` is the next one that still waits, from the list's beginning when none does further on.
    """

    before: Neighbour | None
    after: Neighbour | None
    read: bool


def list_items(engine: Engine, reader_id: int, wanted: WorkFilter, cursor: Cursor | None) -> Stretch[WorkItem, Place]:
    """A stretch of the list; its beginning without a cursor, and where the cursor leads to nothing."""
    if cursor is None:
        found = worklist.find_places(reader_id, wanted, need=SIZE + 1, most=COUNTED + 1)
        places, more = found.places[:SIZE], len(found.places) > SIZE
        return Stretch(items=_items(engine, reader_id, places), before=None, after=places[-1] if more else None,
                       counted=min(len(found.places), COUNTED), whole=found.whole and len(found.places) <= COUNTED)
    found = worklist.find_places(reader_id, wanted, need=SIZE + 1, most=SIZE + 1, start=cursor.place,
                                 backwards=cursor.backwards)
    places, more = found.places[:SIZE], len(found.places) > SIZE
    if not places or (cursor.backwards and not more):
        return list_items(engine, reader_id, wanted, None)
    if cursor.backwards:
        places = places[::-1]
    return Stretch(items=_items(engine, reader_id, places), before=places[0],
                   after=places[-1] if more or cursor.backwards else None, counted=None, whole=False)


def list_fellow_readers(reader_id: int) -> list[tuple[int, str]]:
    """Id and name of everybody with whom this reader shares a case."""
    return worklist.list_fellow_readers(reader_id)


def find_neighbours(reader_id: int, prediction_id: int, wanted: WorkFilter,
                    opened_as: bool | None) -> Neighbours | None:
    """Beside an item of the filtered list that was opened as reviewed or not (None: as it is now); None when it is not
    on the reader's list.
    """
    now = worklist.find_place(reader_id, prediction_id)
    if now is None:
        return None
    place = now if opened_as is None else replace(now, reviewed=opened_as)
    read = now.reviewed and not place.reviewed
    texts = Texts(reader_id, wanted.text)
    before = _one(reader_id, wanted, texts, place, backwards=True)
    after = _next_waiting(reader_id, wanted, texts, place) if read else _one(reader_id, wanted, texts, place)
    rows = worklist.list_predictions([one.prediction_id for one in (before, after) if one])
    return Neighbours(before=_neighbour(rows, before), after=_neighbour(rows, after), read=read)


def _next_waiting(reader_id: int, wanted: WorkFilter, texts: Texts, place: Place) -> Place | None:
    waiting = replace(wanted, reviewed=False)
    return _one(reader_id, waiting, texts, place) or _one(reader_id, waiting, texts, None)


def _one(reader_id: int, wanted: WorkFilter, texts: Texts, start: Place | None, *,
         backwards: bool = False) -> Place | None:
    places = worklist.find_places(reader_id, wanted, need=1, most=1, start=start, backwards=backwards,
                                  texts=texts).places
    return places[0] if places else None


def _neighbour(rows: dict[int, Prediction], place: Place | None) -> Neighbour | None:
    if place is None:
        return None
    image = rows[place.prediction_id].image
    return Neighbour(place=place, patient=image.case.patient, image_name=image.name)


def _items(engine: Engine, reader_id: int, places: Sequence[Place]) -> tuple[WorkItem, ...]:
    rows = worklist.list_predictions([one.prediction_id for one in places])
    return tuple(_item(engine, rows[one.prediction_id], reader_id, one.reviewed) for one in places)


def _item(engine: Engine, prediction: Prediction, reader_id: int, reviewed: bool) -> WorkItem:
    image, case = prediction.image, prediction.image.case
    spec = engine.recorded_spec(prediction.model, prediction.version)
    own = [one for one in prediction.reviews if one.reader_id == reader_id]
    item = WorkItem(case_id=case.id, patient=case.patient, specimen=case.specimen, image_id=image.id,
                    image_name=image.name, prediction_id=prediction.id, model=prediction.model, title=spec.title,
                    outcome=prediction.outcome, label=prediction.label, score=score_of(prediction),
                    summary=summary_of(spec, prediction.label, prediction.scores),
                    demonstration=prediction.demonstration, reason=prediction.reason,
                    created_at=prediction.created_at, reviewed=reviewed,
                    reading=words_of(spec, own[-1]) if own else "", others=_others(spec, prediction, reader_id),
                    drawn=is_drawn(image.name), shared_by=shared_by(case, reader_id))
    return replace(item, **VEILED, others=()) if is_veiled(case, prediction, reader_id) else item


def _others(spec: ModelSpec, prediction: Prediction, reader_id: int) -> tuple[OtherReading, ...]:
    return tuple(OtherReading(reader=one.reader.name, words=words_of(spec, one))
                 for one in latest_of_each(prediction.reviews, attrgetter("reader_id")) if one.reader_id != reader_id)
