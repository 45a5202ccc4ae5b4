"""Queries for predictions."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import contains_eager, selectinload, undefer

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction, Review


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
