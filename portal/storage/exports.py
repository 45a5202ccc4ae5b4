"""Queries behind exports: a whole history in pieces, each read in a transaction of its own that ends with it.

A download lasts as long as the line is slow: it must hold neither a transaction nor a connection meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, exists, func, not_, select

from portal.extensions import db
from portal.storage.cases import CaseFilter, ids_that_fit
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, CaseReader, Image
from portal.storage.tables.readings import Prediction, Review, WorkItem

CASES_AT_ONCE = 200
IMAGES_AT_ONCE = 250


@dataclass(frozen=True, kw_only=True)
class Said:
    """One review, with its reader's name."""

    id: int
    reader_id: int
    reader: str
    verdict: str
    label: str | None
    scores: dict[str, Any] | None
    corrections: list[list[Any]] | None
    reason: str
    blind: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One prediction with its image, its case and its reviews, oldest first; `veiled` for the reader who asked."""

    case_id: int
    patient: str
    specimen: str
    image_id: int
    image_name: str
    sha256: str
    serial: str
    group: str
    um_per_px: float | None
    id: int
    model: str
    version: str
    weights_sha256: str
    outcome: str
    reason: str
    label: str | None
    scores: dict[str, Any]
    findings: list[dict[str, Any]]
    demonstration: str
    ms: float
    created_at: datetime
    veiled: bool
    reviews: tuple[Said, ...]


def count_answers(reader_id: int, most: int) -> int:
    """How many predictions the reader's cases hold, counted up to `most`: a short walk along an index."""
    held = select(WorkItem.prediction_id).where(WorkItem.user_id == reader_id).limit(most)
    return db.session.scalar(select(func.count()).select_from(held.subquery())) or 0


def last_answer() -> int:
    """The newest prediction: an export ends with it, however long it takes."""
    return rows_of(select(func.max(Prediction.id)))[0][0] or 0


def list_versions(reader_id: int, wanted: CaseFilter, last: int) -> list[tuple[str, str]]:
    """Model and version of every prediction in the reader's cases that fit, each once, in the order of the keys."""
    query = (select(Prediction.model, Prediction.version).join(Prediction.image)
             .where(Image.case_id.in_(ids_that_fit(reader_id, wanted)), Prediction.id <= last).distinct())
    return sorted((model, version) for model, version in rows_of(query))


def walk_scores(reader_id: int, wanted: CaseFilter, last: int) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Model and scores of each prediction that this reader may see, and of each review of it (then True)."""
    for images in _image_ids(reader_id, wanted):
        shown = [Image.id.in_(images), Prediction.id <= last, not_(_veiled(reader_id))]
        said = select(Prediction.model, Prediction.scores).join(Prediction.image).join(Image.case)
        yield from ((model, scores, False) for model, scores in rows_of(said.where(*shown)))
        read = (select(Prediction.model, Review.scores).join(Review.prediction).join(Prediction.image)
                .join(Image.case))
        yield from ((model, scores, True) for model, scores in rows_of(read.where(*shown)) if scores)


def walk_answers(reader_id: int, wanted: CaseFilter, last: int) -> Iterator[Answer]:
    """All predictions in the reader's cases that fit, up to `last`: case by case, image by image, oldest first."""
    for images in _image_ids(reader_id, wanted):
        yield from _answers(reader_id, images, last)


def in_pieces(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """The ids, so many at a time."""
    left = iter(ids)
    while piece := list(islice(left, size)):
        yield piece


def _image_ids(reader_id: int, wanted: CaseFilter) -> Iterator[list[int]]:
    """The images of the cases that fit, case by case, a few at a time."""
    for cases in _case_ids(reader_id, wanted):
        held = rows_of(select(Image.id).where(Image.case_id.in_(cases)).order_by(Image.case_id, Image.id))
        yield from in_pieces((row[0] for row in held), IMAGES_AT_ONCE)


def _case_ids(reader_id: int, wanted: CaseFilter) -> Iterator[list[int]]:
    """In order, a page at a time: a filter looks at every case once."""
    after = 0
    while True:
        query = (ids_that_fit(reader_id, wanted).where(CaseReader.case_id > after).order_by(CaseReader.case_id)
                 .limit(CASES_AT_ONCE))
        found = [row[0] for row in rows_of(query)]
        yield found
        if len(found) < CASES_AT_ONCE:
            return
        after = found[-1]


def _answers(reader_id: int, images: Sequence[int], last: int) -> list[Answer]:
    query = (select(Case.id, Case.patient, Case.specimen, Image.id, Image.name, Image.sha256, Image.serial,
                    Image.specimen_group, Image.um_per_px, Prediction.id, Prediction.model, Prediction.version,
                    Prediction.weights_sha256, Prediction.outcome, Prediction.reason, Prediction.label,
                    Prediction.scores, Prediction.findings, Prediction.demonstration, Prediction.ms,
                    Prediction.created_at, _veiled(reader_id))
             .join(Image, Image.case_id == Case.id).join(Prediction, Prediction.image_id == Image.id)
             .where(Image.id.in_(images), Prediction.id <= last).order_by(Case.id, Image.id, Prediction.id))
    rows = rows_of(query)
    reviews = list_reviews(row[9] for row in rows)
    return [Answer(case_id=row[0], patient=row[1], specimen=row[2], image_id=row[3], image_name=row[4],
                   sha256=row[5], serial=row[6], group=row[7], um_per_px=row[8], id=row[9], model=row[10],
                   version=row[11], weights_sha256=row[12], outcome=row[13], reason=row[14], label=row[15],
                   scores=row[16], findings=row[17], demonstration=row[18], ms=row[19], created_at=row[20],
                   veiled=bool(row[21]), reviews=tuple(reviews[row[9]])) for row in rows]


def list_reviews(prediction_ids: Iterable[int]) -> defaultdict[int, list[Said]]:
    """Every review of these predictions by prediction, oldest first."""
    query = (select(Review.prediction_id, Review.id, Review.reader_id, User.name, Review.verdict, Review.label,
                    Review.scores, Review.corrections, Review.reason, Review.blind, Review.created_at)
             .join(Review.reader).where(Review.prediction_id.in_(list(prediction_ids))).order_by(Review.id))
    found: defaultdict[int, list[Said]] = defaultdict(list)
    for row in rows_of(query):
        found[row[0]].append(Said(id=row[1], reader_id=row[2], reader=row[3], verdict=row[4], label=row[5],
                                  scores=row[6], corrections=row[7], reason=row[8], blind=row[9],
                                  created_at=row[10]))
    return found


def _veiled(reader_id: int) -> ColumnElement[bool]:
    """What `services.blind.is_veiled` says of a row, as a condition. Not asked of the reviews: SQLite would walk all
    those of the reader, once per row.
    """
    return and_(Case.blind, not_(exists().where(WorkItem.user_id == reader_id, WorkItem.reviewed,
                                                WorkItem.prediction_id == Prediction.id)))


def rows_of(query: Executable) -> Sequence[Any]:
    """Through a connection of its own, given back before the rows are used."""
    with db.engine.connect() as connection:
        return connection.execute(query).all()
