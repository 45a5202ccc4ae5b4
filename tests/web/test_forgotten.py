"""A new password by mail: what the stranger sees, what the mail holds, and how often."""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import policy

import pytest
from flask import Flask
from sqlalchemy import select, update

from config import Mail
from portal.extensions import db
from portal.storage.tables.accounts import LoginFailure, OneTimeLink
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD
from tests.support.client import Client
from tests.support.mail_server import Kept, mail_server

READER = "reader@clinic.example"
NEW = "amber compass thistle 17"
PORTAL = "https://portal.clinic.example"


@pytest.fixture
def kept(app: Flask) -> Iterator[Kept]:
    """The mails of a portal with a server for them."""
    with mail_server() as (kept, port):
        set_mail(app, port)
        yield kept


def set_mail(app: Flask, port: int) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], mail=Mail(
        host="127.0.0.1", port=port, implicit_tls=False, user="", password="", sender="portal@clinic.example",
        portal=PORTAL))


def ask(app: Flask, client: Client, address: str = READER, **kwargs: object):
    """The answer, once the mail is out too."""
    answer = client.post("/forgotten", {"email": address}, **kwargs)
    app.extensions["postman"].submit(lambda: None).result(timeout=20)
    return answer


def token_of(mail: str) -> str:
    text = email.message_from_string(mail, policy=policy.default).get_content()
    found = re.search(rf"{PORTAL}/reset\?token=(\S+)", text)
    assert found is not None
    return found[1]


def test_without_a_mail_server_there_is_no_such_page(client: Client) -> None:
    assert client.get("/forgotten").status_code == client.get("/forgotten/sent").status_code == 404
    assert client.post("/forgotten", {"email": READER}).status_code == 404
    assert "Your administrator can give you a link" in client.get("/login").text


def test_the_link_in_the_mail_sets_a_new_password_and_ends_all_logins(
        app: Flask, kept: Kept, client: Client, login: Callable[..., Client]) -> None:
    reader = login()
    assert 'href="/forgotten"' in client.get("/login").text
    answer = ask(app, client, f" {READER.upper()} ")
    assert (answer.status_code, answer.location) == (303, "/forgotten/sent")
    assert client.get("/forgotten/sent").status_code == 200
    assert f"To: {READER}" in kept.mails[0]
    token = token_of(kept.mails[0])
    assert client.get(f"/reset?token={token}").status_code == 200
    assert client.post("/reset", {"token": token, "password": NEW, "confirm": NEW}).status_code == 303
    assert reader.get("/account").status_code == 302
    assert client.post("/login", {"email": READER, "password": PASSWORD}).status_code == 401
    assert client.post("/login", {"email": READER, "password": NEW}).status_code == 303
    assert client.post("/reset", {"token": token, "password": NEW, "confirm": NEW}).location == "/login"


@pytest.mark.parametrize("address", ["nobody@clinic.example", "waiting@clinic.example", "closed@clinic.example",
                                     "no address at all"])
def test_who_has_no_open_account_gets_the_same_answer_and_no_mail(
        address: str, app: Flask, kept: Kept, make_user: Callable[..., int]) -> None:
    make_user()
    make_user("waiting@clinic.example", status="waiting")
    make_user("closed@clinic.example", status="disabled")
    known, other = ask(app, Client(app)), ask(app, Client(app), address)
    assert (other.status_code, other.location, other.data) == (known.status_code, known.location, known.data)
    assert len(kept.mails) == 1


def test_whoever_asks_does_not_choose_where_the_link_leads(
        app: Flask, kept: Kept, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    ask(app, client, headers={"X-Forwarded-Host": "evil.example"})
    assert "evil" not in kept.mails[0]
    assert token_of(kept.mails[0])


def test_a_mailed_link_lasts_an_hour(app: Flask, kept: Kept, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    ask(app, client)
    with app.app_context():
        link = db.session.scalars(select(OneTimeLink)).one()
        assert timedelta(minutes=59) < link.expires_at - now() <= timedelta(hours=1)
        db.session.execute(update(OneTimeLink).values(expires_at=now()))
        db.session.commit()
    assert client.get(f"/reset?token={token_of(kept.mails[0])}").location == "/login"


def test_a_stranger_cannot_end_the_link_that_somebody_is_about_to_use(
        app: Flask, kept: Kept, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    ask(app, client)
    ask(app, Client(app))
    first, second = map(token_of, kept.mails)
    assert client.post("/reset", {"token": first, "password": NEW, "confirm": NEW}).status_code == 303
    assert client.get(f"/reset?token={second}").location == "/login"


@pytest.mark.parametrize("address", [READER, "nobody@clinic.example"])
def test_many_mails_to_one_address_wait(
        address: str, app: Flask, kept: Kept, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    assert [ask(app, client, address).status_code for _ in range(3)] == [303] * 3
    answer = ask(app, client, address)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert ask(app, client, "another@clinic.example").status_code == 303
    # And the login of that person is not slowed by it.
    assert client.post("/login", {"email": READER, "password": PASSWORD}).status_code == 303


def test_many_questions_in_all_wait(app: Flask, kept: Kept, client: Client) -> None:
    with app.app_context():
        db.session.add_all(LoginFailure(account_hash=str(number), address=f"forgotten 192.0.2.{number}", at=now())
                           for number in range(200))
        db.session.commit()
    assert ask(app, client).status_code == 429


def test_a_server_that_is_away_is_the_operators_concern(
        app: Flask, client: Client, make_user: Callable[..., int], caplog: pytest.LogCaptureFixture) -> None:
    make_user()
    with mail_server() as (_, port):
        set_mail(app, port)
    logging.getLogger("portal").propagate = True
    with caplog.at_level(logging.ERROR, "portal.forgotten"):
        answer = ask(app, client)
    assert (answer.status_code, answer.location) == (303, "/forgotten/sent")
    assert "did not take a link" in caplog.text
    assert READER not in caplog.text


def test_who_asked_for_what_is_in_the_audit_trail(
        app: Flask, kept: Kept, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    ask(app, client)
    ask(app, client, "nobody@clinic.example")
    with app.app_context():
        events = db.session.execute(select(AuditEvent.action, AuditEvent.subject, AuditEvent.address)
                                    .order_by(AuditEvent.id)).all()
    assert [tuple(one) for one in events] == [("link.create", "user:1", "127.0.0.1"),
                                              ("link.refuse", "reset", "127.0.0.1")]
