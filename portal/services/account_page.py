"""One account as an administrator sees it, and what only an administrator may do to its logins and its role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config import Settings
from portal.extensions import db
from portal.services import accounts, audit
from portal.services.errors import LastAdministrator, NotChosen, NotFound
from portal.services.login_sessions import SessionInfo, list_sessions
from portal.storage import api_tokens, audit_events, deletions, login_sessions, users
from portal.storage.tables.accounts import ROLES, User


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """The account, when it logged in last, its live logins, and how many cases it has opened."""

    user: User
    last_login: datetime | None
    sessions: tuple[SessionInfo, ...]
    cases: int


def describe(user_id: int, session_id: int, settings: Settings, at: datetime) -> AccountPage:
    """`session_id` is the administrator's own login. Raises NotFound."""
    user = accounts.get_user(user_id)
    return AccountPage(
        user=user, last_login=audit_events.find_latest("login.success", f"user:{user_id}"),
        sessions=tuple(list_sessions(user_id, session_id, settings, at)),
        cases=deletions.count_cases(user_id))


def end_session(actor: audit.Actor, user_id: int, session_id: int) -> None:
    """End one login of somebody. Raises NotFound."""
    if not login_sessions.delete_session(session_id, user_id):
        db.session.rollback()
        raise NotFound
    audit.record(actor, "session.end", f"user:{user_id}", by_administrator=True, session=session_id, was="open",
                 now="ended")
    db.session.commit()


def end_sessions(actor: audit.Actor, user_id: int) -> int:
    """End all logins of somebody; how many there were. Raises NotFound."""
    accounts.get_user(user_id)
    ended = login_sessions.delete_sessions(user_id)
    audit.record(actor, "session.end-all", f"user:{user_id}", by_administrator=True, sessions_ended=ended)
    db.session.commit()
    return ended


def change_role(actor: audit.Actor, user_id: int, role: str, at: datetime) -> User:
    """Make somebody an administrator or a clinician; their logins end and their tokens are revoked.

    Raises NotFound, NotChosen or LastAdministrator.
    """
    if role not in ROLES:
        raise NotChosen("Choose one of the roles.")
    users.lock_administrators()
    user = users.lock_user(user_id)
    if user is None:
        db.session.rollback()
        raise NotFound
    was, user.role = user.role, role
    db.session.flush()
    # Asked again after the write: on SQLite only a write keeps others out.
    if was == "admin" and role != "admin" and user.status == "approved" and not users.lock_administrators():
        db.session.rollback()
        raise LastAdministrator("The last administrator stays one. Make somebody else an administrator first.")
    if was != role:
        ended, revoked = login_sessions.delete_sessions(user_id), api_tokens.revoke_all(user_id, at)
        audit.record(actor, "user.role", f"user:{user_id}", old=was, new=role, sessions_ended=ended,
                     tokens_revoked=revoked)
    db.session.commit()
    return user
