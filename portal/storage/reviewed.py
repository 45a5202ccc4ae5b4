"""Queries for the images that readers have reviewed, with all that was said of them: what a training set is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import and_, exists, func, not_, select

from portal.storage.access import readable_by
from portal.storage.exports import Said, in_pieces, list_reviews, rows_of
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, Report, Review, WorkItem

IMAGES_AT_ONCE = 250


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """One review, and what it was a review of."""

    review: Said
    prediction_id: int
    outcome: str
    label: str | None
    scores: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """One image, and every review of it by somebody who read it with one of the systems asked for, oldest first.

    `unfinished`: its case is read blind, and one of its readers has not read it yet. `signed` is who signed the
    latest report of its case, and when.
    """

    image_id: int
    sha256: str
    name: str
    stored_as: str
    serial: str
    um_per_px: float | None
    owner_id: int
    patient: str
    unfinished: bool
    signed: tuple[int, datetime] | None
    opinions: tuple[Opinion, ...]


def walk_reviewed(reader_id: int | None, models: Sequence[str]) -> Iterator[tuple[Reviewed, ...]]:
    """Every picture that has a review of what one of these systems said, with its records: those of the same bytes
    stand together. None as the reader asks for the cases of all.
    """
    query = (select(Image.id, Image.sha256).join(Image.case).join(Prediction, Prediction.image_id == Image.id)
             .where(Prediction.model.in_(models), exists().where(Review.prediction_id == Prediction.id))
             .distinct().order_by(Image.sha256, Image.id))
    if reader_id is not None:
        query = query.where(readable_by(reader_id))
    ids = [row[0] for row in rows_of(query)]
    found = (one for piece in in_pieces(ids, IMAGES_AT_ONCE) for one in _reviewed(piece, models))
    for _sha256, same in groupby(found, key=lambda one: one.sha256):
        yield tuple(same)


def find_nuclei(prediction_id: int) -> list[list[Any]]:
    """The counted nuclei of a prediction, as they were kept: x, y and class."""
    evidence = rows_of(select(Prediction.evidence).where(Prediction.id == prediction_id))[0][0]
    nuclei: list[list[Any]] = (evidence or {}).get("nuclei", [])
    return nuclei


def _reviewed(images: Sequence[int], models: Sequence[str]) -> Iterator[Reviewed]:
    # With the case: there is an index for it, and none for the prediction alone.
    unread = and_(Case.blind, exists().where(WorkItem.case_id == Case.id, WorkItem.prediction_id == Prediction.id,
                                             not_(WorkItem.reviewed)))
    rows = rows_of(
        select(Image.id, Image.sha256, Image.name, Image.stored_as, Image.serial, Image.um_per_px, Case.id,
               Case.owner_id, Case.patient, Prediction.id, Prediction.outcome, Prediction.label, Prediction.scores,
               unread)
        .join(Image.case).join(Prediction, Prediction.image_id == Image.id)
        .where(Image.id.in_(images), Image.kind == "image", Prediction.model.in_(models))
        .order_by(Image.sha256, Image.id, Prediction.id))
    reviews = list_reviews(row[9] for row in rows)
    signed = _signatures({row[6] for row in rows})
    for _image_id, group in groupby(rows, key=lambda row: row[0]):
        same = list(group)
        one = same[0]
        opinions = [Opinion(review=said, prediction_id=row[9], outcome=row[10], label=row[11], scores=row[12])
                    for row in same for said in reviews[row[9]]]
        yield Reviewed(image_id=one[0], sha256=one[1], name=one[2], stored_as=one[3], serial=one[4],
                       um_per_px=one[5], owner_id=one[7], patient=one[8], unfinished=any(row[13] for row in same),
                       signed=signed.get(one[6]), opinions=tuple(sorted(opinions, key=lambda held: held.review.id)))


def _signatures(case_ids: set[int]) -> dict[int, tuple[int, datetime]]:
    newest = (select(Report.case_id, func.max(Report.number).label("number")).where(Report.case_id.in_(case_ids))
              .group_by(Report.case_id).subquery())
    query = select(Report.case_id, Report.signed_by, Report.signed_at).join(
        newest, and_(newest.c.case_id == Report.case_id, newest.c.number == Report.number))
    return {case_id: (signed_by, signed_at) for case_id, signed_by, signed_at in rows_of(query)}
