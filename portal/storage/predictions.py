"""Queries for predictions and their reviews."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload, undefer

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.pages import Page, within
from portal.storage.tables import Image, Prediction, Review, WorkItem


def find_prediction(prediction_id: int, reader_id: int, *, whole: bool) -> Prediction | None:
    """With its image and case; `whole` with its layers and evidence, which may be megabytes, and its reviews."""
    query = (select(Prediction).join(Prediction.image).join(Image.case)
             .where(Prediction.id == prediction_id, readable_by(reader_id))
             .options(contains_eager(Prediction.image).contains_eager(Image.case)))
    if whole:
        reviews = selectinload(Prediction.reviews)
        query = query.options(undefer(Prediction.layers), undefer(Prediction.evidence),
                              reviews.undefer(Review.corrections), reviews.joinedload(Review.reader))
    return db.session.scalar(query)


def find_prediction_of(image_id: int, model: str, version: str) -> Prediction | None:
    return db.session.scalar(select(Prediction).where(
        Prediction.image_id == image_id, Prediction.model == model, Prediction.version == version))


def list_worklist(reader_id: int, number: int, size: int) -> Page[Prediction]:
    """The reader's predictions: those without a review of theirs first, then the newest."""
    mine = select(WorkItem.prediction_id).where(WorkItem.user_id == reader_id)
    total = db.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    number = within(number, size, total)
    ids = db.session.scalars(mine.order_by(WorkItem.reviewed, WorkItem.prediction_id.desc())
                             .limit(size).offset((number - 1) * size)).all()
    rows = {one.id: one for one in db.session.scalars(
        select(Prediction).where(Prediction.id.in_(ids))
        .options(joinedload(Prediction.image).joinedload(Image.case), selectinload(Prediction.reviews)))}
    return Page(items=tuple(rows[one] for one in ids), number=number, size=size, total=total)
