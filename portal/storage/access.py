"""Whose cases are whose: the one rule that every query of a case, an image or a prediction goes through."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, CaseReader, Image
from portal.storage.tables.readings import Prediction, WorkItem


def readable_by(user_id: int) -> ColumnElement[bool]:
    """A condition on `cases`: this reader owns the case or shares it."""
    return exists().where(CaseReader.case_id == Case.id, CaseReader.user_id == user_id)


def add_reader(case_id: int, user_id: int, added_by: int) -> None:
    """The caller commits."""
    db.session.add(CaseReader(case_id=case_id, user_id=user_id, added_by=added_by))


def find_reader(case_id: int, user_id: int) -> CaseReader | None:
    return db.session.get(CaseReader, (case_id, user_id))


def remove_reader(case_id: int, user_id: int) -> None:
    """From the case and from its items on the worklist; reviews stay. The caller commits."""
    db.session.execute(delete(WorkItem).where(WorkItem.case_id == case_id, WorkItem.user_id == user_id))
    db.session.execute(delete(CaseReader).where(CaseReader.case_id == case_id, CaseReader.user_id == user_id))


def list_readers(case_id: int) -> Sequence[CaseReader]:
    """The readers of a case by name."""
    query = select(CaseReader).join(CaseReader.user).where(CaseReader.case_id == case_id).order_by(User.name)
    return db.session.scalars(query.options(joinedload(CaseReader.user))).all()


def list_reader_ids(case_id: int) -> Sequence[int]:
    return db.session.scalars(select(CaseReader.user_id).where(CaseReader.case_id == case_id)).all()


def lock_case(case_id: int) -> bool:
    """Keeps an upload into this case waiting until the commit, so that worklists and readers stay of one mind; False
    when the case is gone.

    An image's row refers to its case's; SQLite has one writer anyway.
    """
    return db.session.scalar(select(Case.id).where(Case.id == case_id).with_for_update()) is not None


def list_colleagues() -> Sequence[User]:
    """Every account that may log in, by name."""
    return db.session.scalars(select(User).where(User.status == "approved").order_by(User.name, User.id)).all()


def list_veiled(reader_id: int, prediction_ids: Sequence[int], image_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Which of these predictions, and of these images' predictions, are kept from this reader: with their images."""
    seen = exists().where(WorkItem.user_id == reader_id, WorkItem.prediction_id == Prediction.id, WorkItem.reviewed)
    rows = db.session.execute(
        select(Prediction.id, Prediction.image_id).join(Image, Image.id == Prediction.image_id)
        .join(Case, Case.id == Image.case_id)
        .where(Case.blind, readable_by(reader_id), ~seen,
               or_(Prediction.id.in_(prediction_ids), Prediction.image_id.in_(image_ids))))
    return [(prediction_id, image_id) for prediction_id, image_id in rows]
