"""Whose cases are whose: the one rule that every query of a case, an image or a prediction goes through."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.storage.tables import Case, CaseReader, User, WorkItem


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
