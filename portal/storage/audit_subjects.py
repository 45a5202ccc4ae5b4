"""Where the things that audit events speak of belong: to which case."""

from __future__ import annotations

from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction


def find_case(kind: str, row_id: int) -> int | None:
    """The case of an image, prediction or job; None for one without a case, and for what is in none."""
    queries = {"image": select(Image.case_id).where(Image.id == row_id),
               "prediction": select(Image.case_id).join(Prediction).where(Prediction.id == row_id),
               "job": select(Job.case_id).where(Job.id == row_id)}
    return db.session.scalar(queries[kind]) if kind in queries else None
