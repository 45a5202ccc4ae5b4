"""Queries for predictions and their reviews."""

from __future__ import annotations

from sqlalchemy import exists, func, select
from sqlalchemy.orm import contains_eager, selectinload, undefer

from portal.extensions import db
from portal.storage.pages import Page, within
from portal.storage.tables import Case, Image, Prediction, Review


def find_prediction(prediction_id: int, owner_id: int, *, whole: bool) -> Prediction | None:
    """With its image and case; `whole` with its layers and evidence, which may be megabytes."""
    query = (select(Prediction).join(Prediction.image).join(Image.case)
             .where(Prediction.id == prediction_id, Case.owner_id == owner_id)
             .options(contains_eager(Prediction.image).contains_eager(Image.case)))
    if whole:
        query = query.options(undefer(Prediction.layers), undefer(Prediction.evidence))
    return db.session.scalar(query)


def find_prediction_of(image_id: int, model: str, version: str) -> Prediction | None:
    return db.session.scalar(select(Prediction).where(
        Prediction.image_id == image_id, Prediction.model == model, Prediction.version == version))


def list_worklist(owner_id: int, number: int, size: int) -> Page[Prediction]:
    """The owner's predictions: those that nobody reviewed first, then the newest."""
    reviewed = exists().where(Review.prediction_id == Prediction.id)
    query = (select(Prediction).join(Prediction.image).join(Image.case).where(Case.owner_id == owner_id)
             .options(contains_eager(Prediction.image).contains_eager(Image.case),
                      selectinload(Prediction.reviews)))
    total = db.session.scalar(select(func.count(Prediction.id)).join(Prediction.image).join(Image.case)
                              .where(Case.owner_id == owner_id)) or 0
    number = within(number, size, total)
    rows = db.session.scalars(query.order_by(reviewed, Prediction.id.desc())
                              .limit(size).offset((number - 1) * size))
    return Page(items=tuple(rows), number=number, size=size, total=total)
