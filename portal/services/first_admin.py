"""The first administrator, made by whoever holds the link that the start prints."""

from __future__ import annotations

from datetime import datetime

from config import Settings
from portal.extensions import db
from portal.services import accounts, audit, links, login_sessions
from portal.services.login_sessions import Client, Login


def set_up(client: Client, token: str, name: str, email: str, password: str, *, settings: Settings,
           at: datetime) -> Login:
    """Make and log in the administrator. Raises LinkExpired, BadAccount, WeakPassword or AccountExists."""
    actor = audit.Actor(address=client.address)
    link = links.check_setup_link(token, at)
    user = accounts.add_account(actor, name, email, password, role="admin", approved=True,
                                rounds=settings.bcrypt_rounds)
    links.claim_link(actor, link, at)
    login = login_sessions.open_session(user, client, False, at)
    audit.record(audit.Actor(user_id=user.id, address=client.address), "login.success", f"user:{user.id}")
    db.session.commit()
    return login
