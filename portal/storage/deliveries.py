"""Queries for large files on their way in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from portal.extensions import db
from portal.storage.tables.cases import Delivery
from portal.storage.tables.jobs import Job


def add_delivery(delivery: Delivery) -> Delivery:
    """The caller commits; the row has its id."""
    db.session.add(delivery)
    db.session.flush()
    return delivery


def find_delivery(delivery_id: int, user_id: int) -> Delivery | None:
    return db.session.scalar(select(Delivery).where(Delivery.id == delivery_id, Delivery.user_id == user_id))


def load_delivery(delivery_id: int) -> Delivery | None:
    """As it is now, kept from others until the caller commits."""
    return db.session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)


def list_unfinished(user_id: int, case_id: int) -> Sequence[Delivery]:
    """What this user began to send into this case, the newest first."""
    query = select(Delivery).where(Delivery.user_id == user_id, Delivery.case_id == case_id, Delivery.job_id.is_(None))
    return db.session.scalars(query.order_by(Delivery.id.desc())).all()


def count_unfinished(user_id: int) -> int:
    return db.session.scalar(select(func.count()).where(Delivery.user_id == user_id, Delivery.job_id.is_(None))) or 0


def sum_to_come() -> int:
    """Bytes that were promised and are not here yet."""
    return int(db.session.scalar(select(func.coalesce(func.sum(Delivery.size - Delivery.received), 0))) or 0)


def list_ended(open_states: Sequence[str], before: datetime) -> Sequence[Delivery]:
    """Those whose job had ended before then."""
    return db.session.scalars(select(Delivery).join(Job, Job.id == Delivery.job_id)
                              .where(Job.state.not_in(open_states), Job.ended_at < before)).all()


def list_forgotten(before: datetime) -> Sequence[Delivery]:
    """Unfinished ones of which nothing has come since then."""
    return db.session.scalars(select(Delivery).where(Delivery.job_id.is_(None), Delivery.seen_at < before)).all()


def delete_delivery(delivery: Delivery) -> None:
    """The caller commits."""
    db.session.delete(delivery)


def list_stored_names() -> set[str]:
    return set(db.session.scalars(select(Delivery.stored_as)))
