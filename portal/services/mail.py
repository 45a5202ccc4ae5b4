"""Sends a mail by SMTP, over a connection whose certificate was checked."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage

from config import Mail

SECONDS = 20
ON_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
"""A relay here needs no TLS: nothing leaves the machine."""


def send(mail: Mail, recipient: str, subject: str, text: str) -> None:
    """Raises OSError (which SMTPException is, and ssl's errors are) when the server does not take it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, recipient, subject
    # What an automatic answer must not be sent to.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    with _connected(mail) as server:
        if mail.user:
            server.login(mail.user, mail.password)
        server.send_message(message)


def _connected(mail: Mail) -> smtplib.SMTP:
    trusted = ssl.create_default_context()
    if mail.implicit_tls:
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=SECONDS, context=trusted)
    server = smtplib.SMTP(mail.host, mail.port, timeout=SECONDS)
    try:
        if mail.user or mail.host not in ON_THIS_MACHINE:
            server.starttls(context=trusted)
    except BaseException:
        server.close()
        raise
    return server
