"""Queries for failed logins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select

from portal.extensions import db
from portal.storage.tables.accounts import LoginFailure


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How many failures there were, and when the last one was."""

    count: int
    last: datetime | None


@dataclass(frozen=True, kw_only=True)
class Span:
    """From one moment to another, both included."""

    since: datetime
    until: datetime


def add_failure(account_hash: str, address: str, at: datetime) -> int:
    row = LoginFailure(account_hash=account_hash, address=address, at=at)
    db.session.add(row)
    db.session.flush()
    return row.id


def count_account(account_hash: str, span: Span, but: int | None = None) -> Failures:
    """The account's failures within the span; without the row `but`."""
    return _count(LoginFailure.account_hash == account_hash, span, but)


def count_address(address: str, span: Span, but: int | None = None) -> Failures:
    """The address's failures within the span; without the row `but`."""
    return _count(LoginFailure.address == address, span, but)


def count_strangers(span: Span, but: int | None = None) -> Failures:
    """Failed logins of everybody, from browsers that are not known; without the row `but`."""
    return _count(LoginFailure.address.not_like("% %"), span, but)


def count_kind(name: str, span: Span) -> Failures:
    """How often this act was asked for by everybody."""
    return _count(LoginFailure.address.startswith(f"{name} "), span, None)


def delete_failure(failure_id: int) -> None:
    db.session.execute(delete(LoginFailure).where(LoginFailure.id == failure_id))


def delete_account(account_hash: str) -> None:
    db.session.execute(delete(LoginFailure).where(LoginFailure.account_hash == account_hash))


def delete_older(moment: datetime) -> None:
    db.session.execute(delete(LoginFailure).where(LoginFailure.at < moment))


def _count(whose: ColumnElement[bool], span: Span, but: int | None) -> Failures:
    query = select(func.count(), func.max(LoginFailure.at)).where(
        whose, LoginFailure.at.between(span.since, span.until))
    if but is not None:
        query = query.where(LoginFailure.id != but)
    count, last = db.session.execute(query).one()
    return Failures(count=count, last=last)
