"""Links that work once: the first administrator's, and those that set a new password."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.extensions import db
from portal.services import audit, login_guard, passwords
from portal.services.errors import LinkExpired, NotFound
from portal.services.tokens import digest, draw_token
from portal.storage import api_tokens, login_sessions, one_time_links, users
from portal.storage.tables.accounts import OneTimeLink
from portal.storage.tables.columns import now

LIFETIME = timedelta(hours=24)
MAILED = timedelta(hours=1)
SETUP, RESET = "setup", "reset"
COMMAND_LINE = audit.Actor(address="command line")


def create_setup_link(actor: audit.Actor = COMMAND_LINE, at: datetime | None = None) -> str | None:
    """The token for creating the first administrator; earlier ones stop working. None when there is one."""
    if users.has_administrator():
        return None
    return _create(actor, SETUP, None, at or now())


def create_reset_link(actor: audit.Actor, user_id: int, at: datetime) -> str:
    """The token for setting this account's password; earlier ones stop working. Raises NotFound."""
    if users.find_user(user_id) is None:
        raise NotFound("There is no such account.")
    return _create(actor, RESET, user_id, at)


def create_mailed_link(actor: audit.Actor, user_id: int, at: datetime) -> str:
    """As `create_reset_link`, for a mail: good for an hour, beside earlier ones, which no stranger may end."""
    return _create(actor, RESET, user_id, at, lasts=MAILED, instead=False)


def refuse_mailed_link(actor: audit.Actor, user_id: int | None) -> None:
    """Record that a link was asked for and none was made."""
    audit.record(actor, "link.refuse", _subject(RESET, user_id))
    db.session.commit()


def check_setup_link(token: str, at: datetime) -> OneTimeLink:
    """Raises LinkExpired, also when there is an administrator already."""
    if users.has_administrator():
        raise LinkExpired
    return _open_link(token, SETUP, at)


def check_reset_link(token: str, at: datetime) -> OneTimeLink:
    """Raises LinkExpired."""
    return _open_link(token, RESET, at)


def claim_link(actor: audit.Actor, link: OneTimeLink, at: datetime) -> None:
    """Use the link up within the caller's transaction. Raises LinkExpired when another was faster."""
    purpose, user_id = link.purpose, link.user_id
    if not one_time_links.claim(link.id, at):
        db.session.rollback()
        raise LinkExpired
    audit.record(actor, "link.use", _subject(purpose, user_id))


def reset_password(actor: audit.Actor, token: str, password: str, *, rounds: int, at: datetime) -> None:
    """Set the password of the link's account, end its logins and revoke its tokens.

    Raises LinkExpired or WeakPassword.
    """
    link = check_reset_link(token, at)
    user = users.find_user(link.user_id or 0)
    if user is None:
        raise LinkExpired
    passwords.check_strength(password, (user.name, user.email))
    kept = passwords.hash_password(password, rounds)
    claim_link(actor, link, at)
    user.password_hash = kept
    db.session.flush()
    void_reset_links(user.id, at)
    ended = login_sessions.delete_sessions(user.id)
    login_guard.forgive(user.email)
    revoked = api_tokens.revoke_all(user.id, at)
    audit.record(actor, "password.reset", f"user:{user.id}", sessions_ended=ended, tokens_revoked=revoked)
    db.session.commit()


def void_reset_links(user_id: int, at: datetime) -> None:
    """Stop the account's open links, within the caller's transaction."""
    one_time_links.void(RESET, user_id, at)


def _create(actor: audit.Actor, purpose: str, user_id: int | None, at: datetime, *, lasts: timedelta = LIFETIME,
            instead: bool = True) -> str:
    token = draw_token()
    if instead:
        one_time_links.void(purpose, user_id, at)
    one_time_links.add_link(digest(token), purpose, user_id, at + lasts)
    audit.record(actor, "link.create", _subject(purpose, user_id))
    db.session.commit()
    return token


def _open_link(token: str, purpose: str, at: datetime) -> OneTimeLink:
    link = one_time_links.find_open(digest(token), purpose, at, at + 2 * LIFETIME)
    if link is None:
        raise LinkExpired
    return link


def _subject(purpose: str, user_id: int | None) -> str:
    return f"user:{user_id}" if user_id else purpose
