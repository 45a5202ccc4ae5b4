"""Queries for what readers drew. Rows are only added; of every mark the latest counts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.storage.tables.readings import Annotation


def add_annotation(annotation: Annotation) -> Annotation:
    """The caller commits; the row has its id."""
    db.session.add(annotation)
    db.session.flush()
    return annotation


def find_latest(image_id: int, mark: str) -> Annotation | None:
    """The latest state of a drawing, also a removed one."""
    query = select(Annotation).where(Annotation.image_id == image_id, Annotation.mark == mark)
    return db.session.scalar(query.order_by(Annotation.id.desc()).limit(1))


def list_annotations(image_id: int) -> Sequence[Annotation]:
    """What stands on an image, in the order in which it was first drawn, with its readers."""
    marks = (select(func.max(Annotation.id).label("latest"), func.min(Annotation.id).label("first"))
             .where(Annotation.image_id == image_id).group_by(Annotation.mark).subquery())
    query = (select(Annotation).join(marks, marks.c.latest == Annotation.id).where(Annotation.removed.is_(False))
             .order_by(marks.c.first).options(joinedload(Annotation.reader)))
    return db.session.scalars(query).all()


def count_marks(image_id: int, reader_id: int) -> int:
    """How many drawings this reader ever made on the image."""
    return db.session.scalar(select(func.count(func.distinct(Annotation.mark))).where(
        Annotation.image_id == image_id, Annotation.reader_id == reader_id)) or 0
