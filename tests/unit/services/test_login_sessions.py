"""Logins as rows: who is let in, for how long, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from config import Settings
from portal.extensions import db
from portal.services import login_sessions
from portal.services.audit import Actor
from portal.services.errors import NotFound
from portal.services.login_sessions import Client, Login, browser_name
from portal.services.tokens import digest
from portal.storage.tables.accounts import User, UserSession

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WARD = Client(address="192.0.2.1", browser=LINUX)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
EDGE = f"{CHROME.replace('Macintosh; Intel Mac OS X 10_15_7', 'Windows NT 10.0')} Edg/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1"


@pytest.fixture
def enter(
        inside: Flask, settings: Settings, at: datetime,
        make_user: Callable[..., int]) -> Callable[..., Login]:
    """Opens a login for an approved account."""
    user_id = make_user()

    def open_one(remember: bool = False) -> Login:
        user = db.session.get_one(User, user_id)
        login = login_sessions.open_session(user, WARD, remember, at)
        db.session.commit()
        return login

    return open_one


def test_a_token_finds_its_person(enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter()
    found = login_sessions.find_login(login.token, settings, at)
    assert found == login
    assert found.email == "reader@clinic.example"


def test_the_database_keeps_no_token(enter: Callable[..., Login]) -> None:
    login = enter()
    row = db.session.scalars(select(UserSession)).one()
    assert row.token_hash == digest(login.token) != login.token


def test_a_login_never_prints_its_token(enter: Callable[..., Login]) -> None:
    login = enter()
    assert login.token not in repr(login)


@pytest.mark.parametrize("token", ["", "guess", "x" * 5000, "\0", "é\ud800"])
def test_a_wrong_token_finds_nobody(token: str, inside: Flask, settings: Settings, at: datetime) -> None:
    assert login_sessions.find_login(token, settings, at) is None


@pytest.mark.parametrize("status", ["waiting", "disabled"])
def test_an_account_that_is_not_approved_is_let_in_no_more(
        status: str, enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter()
    db.session.get_one(User, login.id).status = status
    db.session.commit()
    assert login_sessions.find_login(login.token, settings, at) is None


def test_a_login_left_alone_ends(enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter()
    assert login_sessions.find_login(login.token, settings, at + timedelta(minutes=14))
    assert login_sessions.find_login(login.token, settings, at + timedelta(minutes=28))
    assert login_sessions.find_login(login.token, settings, at + timedelta(minutes=44)) is None


def test_a_login_in_use_ends_after_a_shift(
        enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter()
    for minutes in range(0, 12 * 60, 10):
        assert login_sessions.find_login(login.token, settings, at + timedelta(minutes=minutes))
    assert login_sessions.find_login(login.token, settings, at + timedelta(hours=12)) is None


def test_a_remembered_login_lasts_for_days_and_not_longer(
        enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter(remember=True)
    for days in range(7):
        assert login_sessions.find_login(login.token, settings, at + timedelta(days=days, hours=23))
    assert login_sessions.find_login(login.token, settings, at + timedelta(days=7)) is None


def test_being_there_is_noted_once_a_minute_and_not_at_every_request(
        enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter()
    writes = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("SELECT"):
            writes.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    for seconds in range(0, 60, 5):
        login_sessions.find_login(login.token, settings, at + timedelta(seconds=seconds))
    assert writes == []
    login_sessions.find_login(login.token, settings, at + timedelta(seconds=61))
    login_sessions.find_login(login.token, settings, at + timedelta(seconds=62))
    assert len(writes) == 1


def test_a_renewed_token_replaces_the_old_one(
        enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter()
    renewed = login_sessions.renew_session(login, at)
    db.session.commit()
    assert login_sessions.find_login(login.token, settings, at) is None
    assert login_sessions.find_login(renewed.token, settings, at) == renewed


def test_the_list_shows_live_logins_and_marks_the_current_one(
        enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    first, kept = enter(), enter(remember=True)
    listed = login_sessions.list_sessions(kept.id, kept.session_id, settings, at)
    assert {(one.id, one.current, one.browser) for one in listed} == {
        (first.session_id, False, "Firefox on Linux"), (kept.session_id, True, "Firefox on Linux")}
    later = login_sessions.list_sessions(kept.id, kept.session_id, settings, at + timedelta(hours=1))
    assert [one.id for one in later] == [kept.session_id]


def test_somebody_elses_login_cannot_be_ended(
        enter: Callable[..., Login], settings: Settings, at: datetime, make_user: Callable[..., int]) -> None:
    login = enter()
    other = make_user("grace@clinic.example")
    with pytest.raises(NotFound):
        login_sessions.end_session(Actor(user_id=other), other, login.session_id)
    assert login_sessions.find_login(login.token, settings, at)


def test_an_ended_login_lets_nobody_in(enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    login = enter()
    login_sessions.end_session(Actor(user_id=login.id), login.id, login.session_id)
    assert login_sessions.find_login(login.token, settings, at) is None


def test_rows_of_long_ended_logins_are_removed(
        enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    enter()
    db.session.scalars(select(UserSession)).one().created_at = at - timedelta(days=8)
    db.session.commit()
    enter()
    login_sessions.remove_old(settings, at)
    assert len(db.session.scalars(select(UserSession)).all()) == 1


@pytest.mark.parametrize(("user_agent", "name"), [
    (FIREFOX, "Firefox on Windows"), (CHROME, "Chrome on macOS"), (EDGE, "Edge on Windows"),
    (SAFARI, "Safari on iPhone"), ("curl/8.0", ""), ("", "")])
def test_a_browser_is_named_as_its_owner_would(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


def test_a_short_idle_limit_does_not_end_a_login_that_is_used(
        enter: Callable[..., Login], settings: Settings, at: datetime) -> None:
    short, token = replace(settings, session_idle=timedelta(minutes=1)), enter().token
    for seconds in (30, 59, 88, 117):
        assert login_sessions.find_login(token, short, at + timedelta(seconds=seconds)) is not None
    assert login_sessions.find_login(token, short, at + timedelta(seconds=178)) is None
