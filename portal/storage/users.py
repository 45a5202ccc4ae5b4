"""Queries for accounts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import case, func, select

from portal.extensions import db
from portal.storage.tables.accounts import User


def find_user(user_id: int) -> User | None:
    return db.session.get(User, user_id)


def find_by_email(email: str) -> User | None:
    """The account with exactly this address: MariaDB's own comparison would take é for e."""
    found = db.session.scalars(select(User).where(User.email == email))
    return next((user for user in found if user.email == email), None)


def lock_user(user_id: int) -> User | None:
    """The account as it is now, kept from others until the commit (SQLite has one writer anyway)."""
    return db.session.scalar(select(User).where(User.id == user_id).with_for_update()
                             .execution_options(populate_existing=True))


def lock_administrators() -> Sequence[User]:
    """Approved administrators as they are now, kept from others until the commit."""
    return db.session.scalars(select(User).where(User.role == "admin", User.status == "approved")
                              .order_by(User.id).with_for_update()
                              .execution_options(populate_existing=True)).all()


def has_administrator() -> bool:
    return db.session.scalar(select(User.id).where(User.role == "admin", User.status == "approved")
                             .limit(1)) is not None


def add_user(user: User) -> User:
    """Add the account and give it its id. Raises IntegrityError when the address is taken."""
    db.session.add(user)
    db.session.flush()
    return user


def list_users() -> Sequence[User]:
    """Every account: those who wait first, then by name."""
    waiting_first = case((User.status == "waiting", 0), else_=1)
    return db.session.scalars(select(User).order_by(waiting_first, User.name, User.id)).all()


def count_waiting() -> int:
    return db.session.scalar(select(func.count()).select_from(User).where(User.status == "waiting")) or 0
