"""The phone of every administrator in the tests: one key, and codes that were not used yet."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.services import second_factor
from portal.services.sealed import seal
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import now

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def give_factor(app: Flask, user: User) -> None:
    """Set up the second factor of a row that has its id already; the caller commits."""
    user.totp_secret = seal(app.extensions["settings"].secret_key, user.id, SECRET)
    user.totp_at = now()


def fresh_code(app: Flask, email: str) -> str:
    """A code that is good now, whichever were used before: a test may log in more often than every half minute."""
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == email)).one()
        user.totp_step = None
        db.session.commit()
    return second_factor.code_at(SECRET, second_factor.step_of(now()))
