"""Queries for images."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, Review


def find_image(image_id: int, reader_id: int) -> Image | None:
    return db.session.scalar(select(Image).join(Case).where(Image.id == image_id, readable_by(reader_id)))


def find_image_by_content(case_id: int, sha256: str) -> Image | None:
    return db.session.scalar(select(Image).where(Image.case_id == case_id, Image.sha256 == sha256))


def list_images(case_id: int) -> list[Image]:
    """A case's images, oldest first, with their predictions, reviews and readers; without layers and evidence."""
    query = (select(Image).where(Image.case_id == case_id).order_by(Image.id)
             .options(selectinload(Image.predictions).selectinload(Prediction.reviews).joinedload(Review.reader)))
    return list(db.session.scalars(query))


def list_stored_names() -> set[str]:
    """The names of all files that a row stands for."""
    return set(db.session.scalars(select(Image.stored_as)))


def filter_stored_names(names: Collection[str]) -> set[str]:
    """Which of some hundred files a row stands for."""
    return set(db.session.scalars(select(Image.stored_as).where(Image.stored_as.in_(names))))
