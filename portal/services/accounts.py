"""Accounts: asking for one, and what an administrator decides about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import email_validator
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.services import audit, links, login_guard, passwords, site
from portal.services.errors import AccountExists, BadAccount, LastAdministrator, NotFound, TooManyTries
from portal.storage import api_tokens, audit_events, login_sessions, users
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import AHEAD

NAME_LENGTH = 120
EMAIL_LENGTH = 254
REGISTRATIONS_AN_HOUR = 20
# No mail is ever sent; clinics without internet use such names, and so do tests.
LOCAL_NAMES = ("local", "test")
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in LOCAL_NAMES]


def register(actor: audit.Actor, name: str, email: str, password: str, *, rounds: int, at: datetime) -> None:
    """Ask for an account; a known address gives the same answer after the same work.

    Raises BadAccount, WeakPassword, or TooManyTries when this address asks too often.
    """
    if not site.load().registration_open:
        raise BadAccount("email", "Registration is closed here. Ask an administrator for an account.")
    user = _new_user(name, email, password)
    _refuse_flood(actor.address, at)
    login_guard.begin_act(login_guard.REGISTER, user.email, actor.address, at)
    user.password_hash = passwords.hash_password(password, rounds)
    known = users.find_by_email(user.email)
    if known is None:
        try:
            known = users.add_user(user)
        except IntegrityError:
            # Somebody asked with the same address a moment ago.
            db.session.rollback()
    audit.record(actor, "user.register", f"user:{known.id}" if known else "", new=known is user)
    db.session.commit()


def create_account(actor: audit.Actor, name: str, email: str, password: str, *, role: str, approved: bool,
                   rounds: int) -> int:
    """Make an account and return its id. Raises BadAccount, WeakPassword or AccountExists."""
    user_id = add_account(actor, name, email, password, role=role, approved=approved, rounds=rounds).id
    db.session.commit()
    return user_id


def add_account(actor: audit.Actor, name: str, email: str, password: str, *, role: str, approved: bool,
                rounds: int) -> User:
    """As `create_account`, within the caller's transaction."""
    user = _new_user(name, email, password)
    user.role, user.status = role, "approved" if approved else "waiting"
    user.password_hash = passwords.hash_password(password, rounds)
    try:
        users.add_user(user)
    except IntegrityError as problem:
        db.session.rollback()
        raise AccountExists(f"There is an account with the address {user.email} already.") from problem
    audit.record(actor, "user.create", f"user:{user.id}", role=role, status=user.status)
    return user


def approve_user(actor: audit.Actor, user_id: int) -> User:
    """Let the account log in. Raises NotFound."""
    user = _locked(user_id)
    if user.status != "approved":
        # A login that was under way when the account was disabled must not come back to life.
        login_sessions.delete_sessions(user_id)
        audit.record(actor, "user.approve", f"user:{user_id}", was=user.status, now="approved")
        user.status = "approved"
    db.session.commit()
    return user


def disable_user(actor: audit.Actor, user_id: int, at: datetime) -> User:
    """Close the account, end its logins and revoke its tokens at once. Raises NotFound or LastAdministrator."""
    users.lock_administrators()
    user = _locked(user_id)
    was, user.status = user.status, "disabled"
    db.session.flush()
    # Asked again after the write: on SQLite only a write keeps others out.
    if user.role == "admin" and was == "approved" and not users.lock_administrators():
        db.session.rollback()
        raise LastAdministrator("The last administrator cannot be disabled. Approve another one first.")
    ended = login_sessions.delete_sessions(user_id)
    revoked = api_tokens.revoke_all(user_id, at)
    links.void_reset_links(user_id, at)
    audit.record(actor, "user.disable", f"user:{user_id}", was=was, now="disabled", sessions_ended=ended,
                 tokens_revoked=revoked)
    db.session.commit()
    return user


def get_user(user_id: int) -> User:
    """Raises NotFound."""
    user = users.find_user(user_id)
    if user is None:
        raise NotFound("There is no such account.")
    return user


def get_by_email(email: str) -> User:
    """Raises NotFound."""
    user = users.find_by_email(folded_email(email))
    if user is None:
        raise NotFound(f"There is no account with the address {email}.")
    return user


def list_users() -> Sequence[User]:
    """Every account: those who wait first, then by name."""
    return users.list_users()


def count_waiting() -> int:
    """How many accounts wait for approval."""
    return users.count_waiting()


def checked_email(email: str) -> str:
    """The one spelling under which the portal knows this address. Raises BadAccount."""
    try:
        found = email_validator.validate_email(email.strip(), check_deliverability=False)
    except email_validator.EmailNotValidError as problem:
        raise BadAccount("email", f"This is not an e-mail address. {problem}") from problem
    address = found.normalized.lower()
    if len(address) > EMAIL_LENGTH:
        raise BadAccount("email", "This e-mail address is too long.")
    return address


def folded_email(email: str) -> str:
    """The address to look for; what is none is looked for as it stands, and not found."""
    try:
        return checked_email(email)
    except BadAccount:
        return email.strip().lower()


def _new_user(name: str, email: str, password: str) -> User:
    plain_name = " ".join(name.split())
    if not plain_name or len(plain_name) > NAME_LENGTH or not plain_name.isprintable():
        raise BadAccount("name", f"Give a name of 1 to {NAME_LENGTH} printable characters.")
    address = checked_email(email)
    passwords.check_strength(password, (plain_name, address))
    return User(name=plain_name, email=address, password_hash="")


def _refuse_flood(address: str, at: datetime) -> None:
    """Every request costs a hash and an administrator's look."""
    hour = timedelta(hours=1)
    if audit_events.count_events("user.register", address, at - hour, at + AHEAD) >= REGISTRATIONS_AN_HOUR:
        raise TooManyTries(int(hour.total_seconds()))


def _locked(user_id: int) -> User:
    user = users.lock_user(user_id)
    if user is None:
        db.session.rollback()
        raise NotFound("There is no such account.")
    return user
