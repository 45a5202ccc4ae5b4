"""The rows behind the worklist: one per prediction and reader, added with either and marked by a review."""

from __future__ import annotations

from sqlalchemy import exists, insert, literal, select, update

from portal.extensions import db
from portal.storage.access import list_reader_ids
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction, Review, WorkItem


def add_for_readers(prediction: Prediction, case_id: int) -> None:
    """A flushed prediction on the worklist of everybody who reads the case. The caller commits."""
    db.session.add_all(
        WorkItem(user_id=user_id, prediction_id=prediction.id, case_id=case_id, model=prediction.model,
                 outcome=prediction.outcome, reviewed=False)
        for user_id in list_reader_ids(case_id))


def add_for_reader(case_id: int, user_id: int) -> None:
    """All of a case's predictions on the worklist of one more reader. The caller commits."""
    # "+ 0" keeps SQLite from going through all that this reader ever reviewed, once for each prediction.
    seen = exists().where(Review.prediction_id == Prediction.id, Review.reader_id + 0 == user_id)
    rows = (select(literal(user_id), Prediction.id, Image.case_id, Prediction.model, Prediction.outcome, seen)
            .join(Image, Image.id == Prediction.image_id).where(Image.case_id == case_id))
    names = ["user_id", "prediction_id", "case_id", "model", "outcome", "reviewed"]
    db.session.execute(insert(WorkItem).from_select(names, rows))


def mark_reviewed(prediction_id: int, user_id: int) -> None:
    """The caller commits."""
    db.session.execute(update(WorkItem).where(WorkItem.prediction_id == prediction_id, WorkItem.user_id == user_id)
                       .values(reviewed=True))
