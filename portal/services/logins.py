"""Where a password or a code is checked: logging in, changing it, signing. All are slowed by the login guard."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from config import Settings
from portal.extensions import db
from portal.services import audit, links, login_guard, login_sessions, passwords, second_factor
from portal.services.accounts import folded_email
from portal.services.errors import AccountDisabled, AccountWaiting, BadLogin, HalfLoginOver, WrongCode
from portal.services.login_sessions import Client, Login
from portal.services.tokens import digest
from portal.storage import api_tokens, users
from portal.storage import login_sessions as session_rows
from portal.storage.tables.accounts import User

HALF_LASTS = timedelta(minutes=5)
"""So long the page that asks for the code may lie open."""
WRONG = "E-mail or password is wrong."


@dataclass(frozen=True, kw_only=True)
class HalfLogin:
    """The password was right, the second factor is still to come. It opens nothing, and not for long."""

    user_id: int
    proof: str
    remember: bool
    begun: datetime


def log_in(client: Client, email: str, password: str, *, remember: bool, settings: Settings,
           at: datetime, browser: str = "") -> Login | HalfLogin:
    """Open a session, or say that a code is needed besides.

    Raises BadLogin or TooManyTries, in words that never tell whether an account exists.
    """
    actor = audit.Actor(address=client.address)
    address = folded_email(email)
    own = login_guard.begin_try(address, client.address, at, browser)
    user = users.find_by_email(address)
    if not passwords.is_correct(password, user.password_hash if user else None, settings.bcrypt_rounds):
        _record_failure(actor, user, "password")
        raise BadLogin(WRONG)
    assert user is not None
    proven = user.password_hash
    # With a second factor this is half a proof only: it forgives no wrong codes.
    if user.totp_secret is None:
        login_guard.forgive(address, browser)
    else:
        login_guard.take_back(own)
    user = _settle(actor, user.id, proven)
    if passwords.is_outdated(proven, settings.bcrypt_rounds):
        user.password_hash = passwords.hash_password(password, settings.bcrypt_rounds)
    if user.totp_secret is not None:
        half = HalfLogin(user_id=user.id, proof=_proof(user), remember=remember, begun=at)
        db.session.commit()
        return half
    return _open(user, client, remember, settings, at)


def is_half_in(half: HalfLogin, at: datetime) -> bool:
    """Whether a code would still be heard."""
    return _half_in(half, at) is not None


def email_of(half: HalfLogin) -> str:
    """Whose login is half done; empty for an account that is gone."""
    user = users.find_user(half.user_id)
    return user.email if user else ""


def log_in_with_code(client: Client, half: HalfLogin, code: str, *, settings: Settings, at: datetime,
                     browser: str = "") -> Login:
    """The second half of a login. Raises HalfLoginOver, BadLogin or TooManyTries."""
    actor = audit.Actor(address=client.address)
    user = _half_in(half, at)
    if user is None:
        raise HalfLoginOver
    email, proven = user.email, user.password_hash
    login_guard.begin_try(email, client.address, at, browser)
    user = users.find_user(half.user_id)
    used = second_factor.use(user, code, settings, at) if user and user.totp_secret else None
    if not used:
        db.session.rollback()
        _record_failure(actor, users.find_user(half.user_id), "second factor")
        raise BadLogin(second_factor.WRONG)
    login_guard.forgive(email, browser)
    user = _settle(actor, half.user_id, proven)
    if _proof(user) != half.proof:
        db.session.rollback()
        raise HalfLoginOver
    return _open(user, client, half.remember, settings, at, factor=used)


def _half_in(half: HalfLogin, at: datetime) -> User | None:
    user = users.find_user(half.user_id)
    late = not timedelta(0) <= at - half.begun < HALF_LASTS
    if late or user is None or user.totp_secret is None or not hmac.compare_digest(_proof(user), half.proof):
        return None
    return user


def _proof(user: User) -> str:
    """Changes with the password and with the second factor, so that either makes an end of what was half done."""
    return digest(f"{user.password_hash} {user.totp_secret}")


def _open(user: User, client: Client, remember: bool, settings: Settings, at: datetime, **details: str) -> Login:
    login = login_sessions.open_session(user, client, remember, at)
    audit.record(audit.Actor(user_id=user.id, address=client.address), "login.success", f"user:{user.id}", **details)
    db.session.commit()
    login_sessions.remove_old(settings, at)
    return login


def change_password(actor: audit.Actor, login: Login, current: str, password: str, code: str = "", *,
                    settings: Settings, at: datetime) -> Login:
    """Set a new password, end every other login and revoke every token.

    Raises WeakPassword, BadLogin, WrongCode or TooManyTries.
    """
    passwords.check_strength(password, (login.name, login.email))
    given = _check_own(actor, login, current, settings, at, reason="current password",
                       wrong="This is not your current password.")
    # Hashed before anything is written: it takes a while, and SQLite lets one write at a time.
    kept = passwords.hash_password(password, settings.bcrypt_rounds)
    _settle_own(actor, login, given, code, settings, at).password_hash = kept
    db.session.flush()
    ended = session_rows.delete_sessions(login.id, keep=login.session_id)
    renewed = login_sessions.renew_session(login, at)
    links.void_reset_links(login.id, at)
    revoked = api_tokens.revoke_all(login.id, at)
    audit.record(actor, "password.change", f"user:{login.id}", sessions_ended=ended, tokens_revoked=revoked)
    db.session.commit()
    return renewed


def prove(actor: audit.Actor, login: Login, password: str, code: str = "", *, settings: Settings,
          at: datetime) -> Login:
    """Password and, where there is one, second factor once more, before something that matters; the login under a new
    token. Raises BadLogin, WrongCode or TooManyTries.
    """
    given = _check_own(actor, login, password, settings, at, reason="password again")
    _settle_own(actor, login, given, code, settings, at)
    renewed = login_sessions.renew_session(login, at)
    audit.record(actor, "login.proven", f"user:{login.id}")
    db.session.commit()
    return renewed


def confirm_password(actor: audit.Actor, login: Login, password: str, *, settings: Settings, at: datetime) -> None:
    """The reader's own password, asked once more before a signature. Raises BadLogin or TooManyTries."""
    given = _check_own(actor, login, password, settings, at, reason="password to sign")
    # Half a proof where there is a second factor: it forgives no wrong codes.
    if given.has_factor:
        login_guard.take_back(given.own)
    else:
        login_guard.forgive(login.email, _here(login))
    _settle(actor, login.id, given.password_hash)
    db.session.commit()


@dataclass(frozen=True, kw_only=True)
class _Given:
    """Somebody's own right password: the try as which it counts, and the account as it was then."""

    own: int
    password_hash: str
    has_factor: bool
    proof: str


def _check_own(actor: audit.Actor, login: Login, password: str, settings: Settings, at: datetime, *, reason: str,
               wrong: str = "This is not your password.") -> _Given:
    """Of somebody logged in. Raises BadLogin or TooManyTries."""
    own = login_guard.begin_try(login.email, actor.address, at, _here(login))
    user = users.find_user(login.id)
    if user is None or not passwords.is_correct(password, user.password_hash, settings.bcrypt_rounds):
        _record_failure(actor, user, reason)
        raise BadLogin(wrong)
    return _Given(own=own, password_hash=user.password_hash, has_factor=user.totp_secret is not None,
                  proof=_proof(user))


def _settle_own(actor: audit.Actor, login: Login, given: _Given, code: str, settings: Settings, at: datetime) -> User:
    """After the right password the code, used up as at a login; the account, locked. Raises BadLogin or WrongCode."""
    user = users.find_user(login.id)
    if user and user.totp_secret and not second_factor.use(user, code, settings, at):
        db.session.rollback()
        _record_failure(actor, users.find_user(login.id), "second factor")
        raise WrongCode(second_factor.WRONG)
    login_guard.forgive(login.email, _here(login))
    user = _settle(actor, login.id, given.password_hash)
    if _proof(user) != given.proof:
        db.session.rollback()
        raise BadLogin("Your second factor was changed just now. Try again.")
    return user


def _here(login: Login) -> str:
    """Who is logged in is counted apart from strangers who guess at the login page."""
    return f"login {login.session_id}"


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
