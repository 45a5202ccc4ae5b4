"""A link for a new password by mail. What a stranger sees of it is the same for every address, and takes as long."""

from __future__ import annotations

import logging
from datetime import datetime

from config import Settings
from portal.services import audit, links, login_guard, mail
from portal.services.accounts import folded_email
from portal.storage import users

log = logging.getLogger("portal.forgotten")
SUBJECT = "SecondRead: a new password"
TEXT = """Somebody, hopefully you, asked for a new password for your account at SecondRead.

Set it here within an hour; the link works once:

{address}

If it was not you, do nothing: your password stays as it is.
"""


def ask(actor: audit.Actor, email: str, at: datetime) -> None:
    """Count the question. Raises TooManyTries, the same for addresses with and without an account."""
    login_guard.begin_act(login_guard.FORGOTTEN, folded_email(email), actor.address, at)


def answer(settings: Settings, actor: audit.Actor, email: str, at: datetime) -> None:
    """Send the link, if there is somebody to send it to; outside of the request that asked.

    A server that takes no mail is a line in the log: who asked was answered already.
    """
    user = users.find_by_email(folded_email(email))
    if settings.mail is None or user is None or user.status != "approved":
        links.refuse_mailed_link(actor, user.id if user else None)
        return
    recipient = user.email
    token = links.create_mailed_link(actor, user.id, at)
    address = f"{settings.mail.portal}/reset?token={token}"
    try:
        mail.send(settings.mail, recipient, SUBJECT, TEXT.format(address=address))
    except OSError as problem:
        log.error("the mail server did not take a link for a new password: %s", type(problem).__name__)
