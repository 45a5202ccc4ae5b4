"""Queries for second factors and their recovery codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update

from portal.extensions import db
from portal.storage.changes import changed_rows
from portal.storage.tables.accounts import RecoveryCode, User


def claim_step(user_id: int, step: int, ahead: int) -> bool:
    """Note that the code of this half minute was used; False when it or a later one was, which one beyond `ahead`
    only was by a clock that has been set back.
    """
    query = update(User).where(User.id == user_id, or_(User.totp_step.is_(None), User.totp_step < step,
                                                       User.totp_step > ahead))
    return changed_rows(query.values(totp_step=step)) == 1


def claim_code(user_id: int, code_hash: str, at: datetime) -> bool:
    """Use a recovery code up; of two who try at once, one is told True."""
    query = update(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash,
                                       RecoveryCode.used_at.is_(None))
    return changed_rows(query.values(used_at=at)) == 1


def replace_codes(user_id: int, hashes: Iterable[str]) -> None:
    """These recovery codes, and none of those before."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    db.session.add_all(RecoveryCode(user_id=user_id, code_hash=one) for one in hashes)


def lock_sealed() -> Sequence[User]:
    """Everybody with a second factor as they are now, kept from others until the commit."""
    return db.session.scalars(select(User).where(User.totp_secret.is_not(None)).order_by(User.id).with_for_update()
                              .execution_options(populate_existing=True)).all()


def count_codes(user_id: int) -> int:
    """Recovery codes that still work."""
    return db.session.scalar(select(func.count()).select_from(RecoveryCode).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))) or 0
