"""Where a password is checked: logging in, changing it, and signing. All are slowed by the login guard."""

from __future__ import annotations

from datetime import datetime

from config import Settings
from portal.extensions import db
from portal.services import audit, links, login_guard, login_sessions, passwords
from portal.services.accounts import folded_email
from portal.services.errors import AccountDisabled, AccountWaiting, BadLogin
from portal.services.login_sessions import Client, Login
from portal.storage import api_tokens, users
from portal.storage import login_sessions as session_rows
from portal.storage.tables import User

WRONG = "E-mail or password is wrong."


def log_in(client: Client, email: str, password: str, *, remember: bool, settings: Settings,
           at: datetime) -> Login:
    """Open a session. Raises BadLogin or TooManyTries, in words that never tell whether an account exists."""
    actor = audit.Actor(address=client.address)
    address = folded_email(email)
    login_guard.begin_try(address, client.address, at)
    user = users.find_by_email(address)
    if not passwords.is_correct(password, user.password_hash if user else None, settings.bcrypt_rounds):
        _record_failure(actor, user, "password")
        raise BadLogin(WRONG)
    assert user is not None
    proven = user.password_hash
    login_guard.forgive(address)
    user = _settle(actor, user.id, proven)
    if passwords.is_outdated(proven, settings.bcrypt_rounds):
        user.password_hash = passwords.hash_password(password, settings.bcrypt_rounds)
    login = login_sessions.open_session(user, client, remember, at)
    audit.record(audit.Actor(user_id=user.id, address=client.address), "login.success", f"user:{user.id}")
    db.session.commit()
    login_sessions.remove_old(settings, at)
    return login


def change_password(actor: audit.Actor, login: Login, current: str, password: str, *, settings: Settings,
                    at: datetime) -> Login:
    """Set a new password, end every other login and revoke every token.

    Raises WeakPassword, BadLogin or TooManyTries.
    """
    passwords.check_strength(password, (login.name, login.email))
    login_guard.begin_try(login.email, actor.address, at)
    user = users.find_user(login.id)
    proven = user.password_hash if user else None
    if not passwords.is_correct(current, proven, settings.bcrypt_rounds):
        _record_failure(actor, user, "current password")
        raise BadLogin("This is not your current password.")
    kept = passwords.hash_password(password, settings.bcrypt_rounds)
    login_guard.forgive(login.email)
    _settle(actor, login.id, proven).password_hash = kept
    db.session.flush()
    ended = session_rows.delete_sessions(login.id, keep=login.session_id)
    renewed = login_sessions.renew_session(login, at)
    links.void_reset_links(login.id, at)
    revoked = api_tokens.revoke_all(login.id, at)
    audit.record(actor, "password.change", f"user:{login.id}", sessions_ended=ended, tokens_revoked=revoked)
    db.session.commit()
    return renewed


def confirm_password(actor: audit.Actor, login: Login, password: str, *, settings: Settings, at: datetime) -> None:
    """The reader's own password, asked once more before a signature. Raises BadLogin or TooManyTries."""
    login_guard.begin_try(login.email, actor.address, at)
    user = users.find_user(login.id)
    proven = user.password_hash if user else None
    if not passwords.is_correct(password, proven, settings.bcrypt_rounds):
        _record_failure(actor, user, "password to sign")
        raise BadLogin("This is not your password.")
    login_guard.forgive(login.email)
    _settle(actor, login.id, proven)
    db.session.commit()


def _record_failure(actor: audit.Actor, user: User | None, reason: str) -> None:
    audit.record(actor, "login.failure", f"user:{user.id}" if user else "", reason=reason)
    db.session.commit()


def _settle(actor: audit.Actor, user_id: int, proven: str | None) -> User:
    """The account, locked, unless it was closed or its password changed while this one was being checked.

    The caller has already written, so that SQLite too lets nobody else write before the commit.
    """
    user = users.lock_user(user_id)
    if user is None or user.password_hash != proven:
        db.session.rollback()
        raise BadLogin(WRONG)
    if user.status != "approved":
        _record_failure(actor, user, user.status)
        raise _closed(user.status)
    return user


def _closed(status: str) -> BadLogin:
    if status == "waiting":
        return AccountWaiting("Your account waits for an administrator's approval.")
    return AccountDisabled("Your account is disabled. Ask your administrator.")
