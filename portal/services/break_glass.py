"""The way back in for whoever holds the machine, when no administrator can log in. As loud as it can be made."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta

from portal.extensions import db
from portal.services import accounts, audit, links, notices, passwords
from portal.storage import api_tokens, login_sessions, users
from portal.storage.tables.accounts import User

log = logging.getLogger("portal.break_glass")

TOLD = timedelta(days=30)
NOTICE = ("On {day} somebody at the machine made {email} an administrator with “users break-glass”. "
          "If you do not know why, ask, and look at the audit.")


def break_glass(actor: audit.Actor, email: str, name: str, reason: str, *, rounds: int, at: datetime) -> str:
    """Make this address an approved administrator; the token of a one-time link that sets its password.

    Its logins end and its tokens are revoked, as of an account that somebody else may hold. Every administrator reads
    of it on top of every page. Raises BadAccount.
    """
    address = accounts.checked_email(email)
    user = users.find_by_email(address)
    before = {"role": user.role, "status": user.status} if user else None
    if user is None:
        user = users.add_user(User(name=name.strip() or address.partition("@")[0], email=address,
                                   password_hash=passwords.hash_password(secrets.token_urlsafe(32), rounds)))
    user.role, user.status = "admin", "approved"
    db.session.flush()
    login_sessions.delete_sessions(user.id)
    api_tokens.revoke_all(user.id, at)
    audit.record(actor, "user.break-glass", f"user:{user.id}", old=before,
                 new={"role": "admin", "status": "approved"}, reason=reason)
    notices.tell_administrators(NOTICE.format(day=f"{at:%Y-%m-%d %H:%M} UTC", email=address), at, TOLD)
    log.warning("break-glass: account %d was made an administrator from the command line", user.id)
    # Commits all of it.
    return links.create_reset_link(actor, user.id, at)
