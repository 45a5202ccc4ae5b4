"""Queries for images."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.storage.access import readable_by
from portal.storage.tables import Case, Image, Prediction


def find_image(image_id: int, reader_id: int) -> Image | None:
    return db.session.scalar(select(Image).join(Case).where(Image.id == image_id, readable_by(reader_id)))


def find_image_by_content(case_id: int, sha256: str) -> Image | None:
    return db.session.scalar(select(Image).where(Image.case_id == case_id, Image.sha256 == sha256))


def list_images(case_id: int) -> list[Image]:
    """A case's images, newest first, with their predictions and reviews."""
    query = (select(Image).where(Image.case_id == case_id).order_by(Image.id.desc())
             .options(selectinload(Image.predictions).selectinload(Prediction.reviews)))
    return list(db.session.scalars(query))


def list_stored_names() -> set[str]:
    """The names of all files that a row stands for."""
    return set(db.session.scalars(select(Image.stored_as)))
