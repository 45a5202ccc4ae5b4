"""Logging in and changing the password: what is told, what is counted, and what the work costs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from config import Settings
from portal.extensions import db
from portal.services import links, login_guard, login_sessions, logins, passwords
from portal.services.audit import Actor
from portal.services.errors import (
    AccountDisabled,
    AccountWaiting,
    BadLogin,
    LinkExpired,
    TooManyTries,
    WeakPassword,
)
from portal.services.login_sessions import Client, Login
from portal.storage.tables.accounts import User, UserSession
from portal.storage.tables.administration import AuditEvent
from tests.conftest import PASSWORD

WARD = Client(address="192.0.2.1", browser="")
LogIn = Callable[..., Login]
MakeUser = Callable[..., int]
READER = "reader@clinic.example"
NEW = "amber compass thistle 17"


@pytest.fixture
def log_in(inside: Flask, settings: Settings, at: datetime) -> Callable[..., Login]:
    def attempt(email: str = READER, password: str = PASSWORD, after: float = 0, rounds: int = 4) -> Login:
        chosen = settings if rounds == 4 else Settings(**{**vars(settings), "bcrypt_rounds": rounds})
        return logins.log_in(WARD, email, password, remember=False, settings=chosen,
                             at=at + timedelta(seconds=after))

    return attempt


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The beginning of every hash that a password is compared with."""
    seen: list[bytes] = []
    check = passwords.bcrypt.checkpw
    monkeypatch.setattr(passwords.bcrypt, "checkpw",
                        lambda text, kept: seen.append(kept[:7]) or check(text, kept))
    return seen


def audited() -> list[tuple[str, str, int | None]]:
    return [(one.action, one.subject, one.actor_id) for one in
            db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def test_the_right_password_opens_a_session(log_in: LogIn, make_user: MakeUser,
                                             settings: Settings, at: datetime) -> None:
    user_id = make_user()
    login = log_in(" Reader@Clinic.Example ")
    assert login_sessions.find_login(login.token, settings, at) == login
    assert audited() == [("login.success", f"user:{user_id}", user_id)]


def test_unknown_account_wrong_password_and_closed_accounts_are_answered_alike(
        log_in: LogIn, make_user: MakeUser, checks: list[bytes]) -> None:
    make_user()
    make_user("waiting@clinic.example", status="waiting")
    make_user("closed@clinic.example", status="disabled")
    answers = set()
    for email in (READER, "waiting@clinic.example", "closed@clinic.example", "nobody@clinic.example",
                  "no address"):
        with pytest.raises(BadLogin) as caught:
            log_in(email, "a wrong password")
        answers.add((type(caught.value), str(caught.value)))
    assert answers == {(BadLogin, logins.WRONG)}
    assert checks == [b"$2b$04$"] * 5


def test_only_who_knows_the_password_learns_that_the_account_waits_or_is_disabled(
        log_in: LogIn, make_user: MakeUser) -> None:
    make_user(status="waiting")
    make_user("closed@clinic.example", status="disabled")
    with pytest.raises(AccountWaiting, match="approval"):
        log_in()
    with pytest.raises(AccountDisabled, match="administrator"):
        log_in("closed@clinic.example")
    assert db.session.scalars(select(UserSession)).all() == []


def test_known_and_unknown_accounts_are_slowed_alike(
        log_in: LogIn, make_user: MakeUser, checks: list[bytes]) -> None:
    make_user()
    waits = []
    for email in (READER, "nobody@clinic.example"):
        for _ in range(5):
            with pytest.raises(BadLogin):
                log_in(email, "a wrong password")
        with pytest.raises(TooManyTries) as caught:
            log_in(email, "a wrong password")
        waits.append(caught.value.seconds)
    assert waits == [2, 2]
    assert len(checks) == 10


def test_even_the_right_password_is_not_looked_at_while_slowed(
        log_in: LogIn, make_user: MakeUser) -> None:
    make_user()
    for _ in range(5):
        with pytest.raises(BadLogin):
            log_in(password="a wrong password")
    with pytest.raises(TooManyTries):
        log_in()
    assert log_in(after=2)


def test_success_starts_the_count_anew(log_in: LogIn, make_user: MakeUser) -> None:
    make_user()
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(BadLogin):
                log_in(password="a wrong password")
        log_in()


def test_a_failed_login_is_audited_without_what_was_typed(
        log_in: LogIn, make_user: MakeUser) -> None:
    user_id = make_user()
    for email in (READER, "hunter2-typed-into-the-wrong-field"):
        with pytest.raises(BadLogin):
            log_in(email, "a wrong password")
    assert audited() == [("login.failure", f"user:{user_id}", None), ("login.failure", "", None)]
    kept = str([(one.subject, one.details) for one in db.session.scalars(select(AuditEvent))])
    assert "hunter2" not in kept
    assert "wrong password" not in kept


def test_logging_in_brings_an_old_hash_up_to_date(
        log_in: LogIn, make_user: MakeUser) -> None:
    user_id = make_user()
    log_in(rounds=5)
    assert not passwords.is_outdated(db.session.get_one(User, user_id).password_hash, 5)
    log_in(rounds=5)


@pytest.mark.parametrize("change", [{"status": "disabled"},
                                    {"password_hash": passwords.hash_password(NEW, 4)}])
def test_an_account_that_changes_during_the_login_is_not_let_in(
        change: dict[str, str], log_in: LogIn, make_user: MakeUser,
        monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    user_id = make_user()
    check = passwords.is_correct

    def change_meanwhile(password: str, kept: str | None, rounds: int) -> bool:
        with app.app_context():
            user = db.session.get_one(User, user_id)
            for name, value in change.items():
                setattr(user, name, value)
            db.session.commit()
        return check(password, kept, rounds)

    monkeypatch.setattr(passwords, "is_correct", change_meanwhile)
    with pytest.raises(BadLogin):
        log_in()
    assert db.session.scalars(select(UserSession)).all() == []


def change(login: Login, current: str, password: str, settings: Settings, at: datetime) -> Login:
    return logins.change_password(Actor(user_id=login.id, address="192.0.2.1"), login, current, password,
                                  settings=settings, at=at)


def test_a_changed_password_ends_other_logins_renews_this_one_and_voids_links(
        log_in: LogIn, make_user: MakeUser, settings: Settings, at: datetime) -> None:
    user_id = make_user()
    link = links.create_reset_link(Actor(), user_id, at)
    other, login = log_in(), log_in()
    renewed = change(login, PASSWORD, NEW, settings, at)
    assert [login_sessions.find_login(one.token, settings, at) for one in (other, login)] == [None, None]
    assert login_sessions.find_login(renewed.token, settings, at) == renewed
    with pytest.raises(LinkExpired):
        links.check_reset_link(link, at)
    with pytest.raises(BadLogin):
        log_in()
    assert log_in(password=NEW)


def test_changing_the_password_asks_for_the_current_one(
        log_in: LogIn, make_user: MakeUser, settings: Settings, at: datetime) -> None:
    make_user()
    login = log_in()
    with pytest.raises(BadLogin, match="current"):
        change(login, "a wrong password", NEW, settings, at)
    assert login_sessions.find_login(login.token, settings, at)
    assert log_in()


def test_guessing_the_current_password_is_slowed(
        log_in: LogIn, make_user: MakeUser, settings: Settings, at: datetime) -> None:
    make_user()
    login = log_in()
    for _ in range(5):
        with pytest.raises(BadLogin):
            change(login, "a wrong password", NEW, settings, at)
    with pytest.raises(TooManyTries):
        change(login, PASSWORD, NEW, settings, at)


def test_a_weak_new_password_changes_nothing(
        log_in: LogIn, make_user: MakeUser, settings: Settings, at: datetime) -> None:
    make_user()
    login = log_in()
    with pytest.raises(WeakPassword):
        change(login, PASSWORD, "reader.clinic.example", settings, at)
    assert log_in()


def test_what_slows_a_login_outlasts_a_restart(
        log_in: LogIn, make_user: MakeUser, settings: Settings, at: datetime) -> None:
    make_user()
    for _ in range(5):
        with pytest.raises(BadLogin):
            log_in(password="a wrong password")
    db.session.remove()
    db.engine.dispose()
    with pytest.raises(TooManyTries):
        login_guard.begin_try(READER, "198.51.100.7", at)


def test_a_whole_ward_logs_in_at_once(
        app: Flask, make_user: MakeUser, settings: Settings, at: datetime) -> None:
    emails = [f"reader{number}@clinic.example" for number in range(8)]
    for email in emails:
        make_user(email)

    def enter(email: str) -> Login:
        with app.app_context():
            return logins.log_in(WARD, email, PASSWORD, remember=False, settings=settings, at=at)

    with ThreadPoolExecutor(8) as pool:
        assert len({login.token for login in pool.map(enter, emails)}) == 8
