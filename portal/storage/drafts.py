"""Queries for reviews as far as they were typed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete

from portal.extensions import db
from portal.storage.tables.readings import ReviewDraft


def find_draft(prediction_id: int, reader_id: int) -> ReviewDraft | None:
    return db.session.get(ReviewDraft, (prediction_id, reader_id))


def keep_draft(prediction_id: int, reader_id: int, content: dict[str, Any], at: datetime) -> None:
    """Instead of the one before. Raises IntegrityError when another request adds the first; the caller commits."""
    held = db.session.get(ReviewDraft, (prediction_id, reader_id), with_for_update=True)
    if held is None:
        held = ReviewDraft(prediction_id=prediction_id, reader_id=reader_id)
        db.session.add(held)
    held.content, held.saved_at = content, at
    db.session.flush()


def delete_draft(prediction_id: int, reader_id: int) -> None:
    """The caller commits."""
    db.session.execute(delete(ReviewDraft).where(ReviewDraft.prediction_id == prediction_id,
                                                 ReviewDraft.reader_id == reader_id))
