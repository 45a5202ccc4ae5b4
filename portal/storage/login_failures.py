"""Queries for failed logins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select

from portal.extensions import db
from portal.storage.tables import LoginFailure


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How many failures there were, and when the last one was."""

    count: int
    last: datetime | None


def add_failure(account_hash: str, address: str, at: datetime) -> int:
    row = LoginFailure(account_hash=account_hash, address=address, at=at)
    db.session.add(row)
    db.session.flush()
    return row.id


def count_account(account_hash: str, since: datetime, but: int | None = None) -> Failures:
    """The account's failures since a moment; without the row `but`."""
    return _count(LoginFailure.account_hash == account_hash, since, but)


def count_address(address: str, since: datetime, but: int | None = None) -> Failures:
    """The address's failures since a moment; without the row `but`."""
    return _count(LoginFailure.address == address, since, but)


def delete_failure(failure_id: int) -> None:
    db.session.execute(delete(LoginFailure).where(LoginFailure.id == failure_id))


def delete_account(account_hash: str) -> None:
    db.session.execute(delete(LoginFailure).where(LoginFailure.account_hash == account_hash))


def delete_older(moment: datetime) -> None:
    db.session.execute(delete(LoginFailure).where(LoginFailure.at < moment))


def _count(whose: ColumnElement[bool], since: datetime, but: int | None) -> Failures:
    query = select(func.count(), func.max(LoginFailure.at)).where(whose, LoginFailure.at >= since)
    if but is not None:
        query = query.where(LoginFailure.id != but)
    count, last = db.session.execute(query).one()
    return Failures(count=count, last=last)
