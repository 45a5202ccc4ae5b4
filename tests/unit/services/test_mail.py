"""Mails over SMTP: what is sent, and that no certificate is taken that was not checked."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from config import Mail
from portal.services import mail
from tests.support.mail_server import mail_server, make_certificate


def to(port: int, user: str = "") -> Mail:
    return Mail(host="127.0.0.1", port=port, implicit_tls=False, user=user, password="", sender="portal@clinic.example",
                portal="https://portal.clinic.example")


def test_a_mail_says_from_whom_to_whom_and_what() -> None:
    with mail_server() as (kept, port):
        mail.send(to(port), "ada@clinic.example", "A subject", "Grüße\n")
    assert len(kept.mails) == 1
    for words in ("From: portal@clinic.example", "To: ada@clinic.example", "Subject: A subject",
                  "Auto-Submitted: auto-generated"):
        assert words in kept.mails[0]


def test_a_header_cannot_be_smuggled_in() -> None:
    with mail_server() as (kept, port), pytest.raises(ValueError, match=r"(?i)newline|linefeed|header"):
        mail.send(to(port), "ada@clinic.example\r\nBcc: eve@clinic.example", "A subject", "text")
    assert kept.mails == []


def test_to_another_machine_nothing_goes_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "ON_THIS_MACHINE", ())
    with mail_server() as (kept, port), pytest.raises(OSError, match="STARTTLS"):
        mail.send(to(port), "ada@clinic.example", "A subject", "text")
    assert kept.mails == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "ON_THIS_MACHINE", ())
    certificate, tls = make_certificate(tmp_path)
    with mail_server(tls) as (kept, port):
        with pytest.raises(ssl.SSLCertVerificationError):
            mail.send(to(port), "ada@clinic.example", "A subject", "text")
        assert kept.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        mail.send(to(port), "ada@clinic.example", "A subject", "text")
    assert len(kept.mails) == 1
