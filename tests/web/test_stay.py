"""How long a login lasts: what the page's script is told, and what counts as being there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from sqlalchemy import select, update

from portal.extensions import db
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD
from tests.support.client import Client

READER = "reader@clinic.example"
JSON = {"Accept": "application/json"}


def set_ago(app: Flask, **ago: timedelta) -> None:
    with app.app_context():
        db.session.execute(update(UserSession).values({name: now() - one for name, one in ago.items()}))
        db.session.commit()


def seen_ago(app: Flask) -> float:
    with app.app_context():
        return (now() - db.session.scalars(select(UserSession.seen_at)).one()).total_seconds()


def test_being_asked_is_not_being_there(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    set_ago(app, seen_at=timedelta(minutes=14))
    answer = reader.get("/account/login?watched=1", headers=JSON)
    assert answer.status_code == 200
    assert 0 < answer.json["seconds"] <= 60
    assert seen_ago(app) > 800


def test_the_button_makes_it_last(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    set_ago(app, seen_at=timedelta(minutes=14))
    answer = reader.post("/account/login/stay", headers=JSON)
    assert answer.json["seconds"] > 890
    assert seen_ago(app) < 60


def test_nothing_lengthens_the_longest_time(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    set_ago(app, created_at=timedelta(hours=11, minutes=59, seconds=30))
    answer = reader.post("/account/login/stay", headers=JSON)
    assert answer.json["at_most"] <= 30
    assert answer.json["seconds"] == answer.json["at_most"]
    set_ago(app, created_at=timedelta(hours=12))
    assert reader.get("/account").status_code == 302


def test_a_login_that_is_over_leads_to_the_login(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    set_ago(app, seen_at=timedelta(minutes=15))
    assert reader.get("/account/login?watched=1", headers=JSON).location.startswith("/login")


def test_a_script_is_told_whose_login_it_is(login: Callable[..., Client]) -> None:
    """So that a covered page comes back to the person whose it is."""
    login()
    colleague = login("colleague@clinic.example")
    assert 'data-whose="2"' in colleague.get("/cases").text
    assert colleague.get("/account/login?watched=1", headers=JSON).json["whose"] == 2


def test_every_page_of_somebody_knows_when_to_ask_and_no_other(login: Callable[..., Client], client: Client) -> None:
    assert 'data-seconds="900" data-warn="120"' in login().get("/cases").text
    assert "data-idle" not in client.get("/login").text


def test_all_other_logins_end_at_once(app: Flask, login: Callable[..., Client]) -> None:
    reader, others = login(), [Client(app) for _ in range(2)]
    for one in others:
        one.post("/login", {"email": READER, "password": PASSWORD})
    assert "End all others" in reader.get("/account").text
    assert reader.post("/account/sessions/end-others").status_code == 303
    assert [one.get("/account").status_code for one in (reader, *others)] == [200, 302, 302]
    assert "End all others" not in reader.get("/account").text


def test_it_ends_nobody_elses(login: Callable[..., Client]) -> None:
    reader, colleague = login(), login("colleague@clinic.example")
    reader.post("/account/sessions/end-others")
    assert colleague.get("/account").status_code == 200
