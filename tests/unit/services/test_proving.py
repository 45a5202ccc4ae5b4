"""Password and second factor once more, within a login: what is asked, used up, counted and forgiven."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from config import Settings
from portal.extensions import db
from portal.services import login_sessions, logins, second_factor
from portal.services.audit import Actor
from portal.services.errors import BadLogin, TooManyTries, WrongCode
from portal.services.login_sessions import Client, Login
from portal.storage import second_factors
from portal.storage.tables.accounts import RecoveryCode, User, UserSession
from portal.storage.tables.administration import AuditEvent
from tests.conftest import PASSWORD
from tests.support.authenticator import SECRET

NEW = "amber compass thistle 17"
HERE = Actor(user_id=1, address="192.0.2.1")


@pytest.fixture
def login(inside: Flask, make_user: Callable[..., int], at: datetime) -> Login:
    """Of somebody with a second factor and one recovery code."""
    user = db.session.get_one(User, make_user(role="admin"))
    second_factors.replace_codes(user.id, [second_factor.code_digest("AAAA-BBBB")])
    opened = login_sessions.open_session(user, Client(address="192.0.2.1", browser=""), False, at)
    db.session.commit()
    return opened


@pytest.fixture
def prove(login: Login, settings: Settings, at: datetime) -> Callable[..., Login]:
    def attempt(code: str, password: str = PASSWORD, after: float = 0) -> Login:
        return logins.prove(HERE, login, password, code, settings=settings, at=at + timedelta(seconds=after))

    return attempt


def code_at(at: datetime, steps: int = 0) -> str:
    return second_factor.code_at(SECRET, second_factor.step_of(at) + steps)


def failures() -> list[str]:
    return [one.details["reason"] for one in db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "login.failure").order_by(AuditEvent.id))]


def test_the_password_alone_proves_nothing_where_there_is_a_second_factor(
        prove: Callable[..., Login], login: Login, settings: Settings, at: datetime) -> None:
    for code in ("", "000000", "AAAA-CCCC"):
        with pytest.raises(WrongCode):
            prove(code)
    assert login_sessions.find_login(login.token, settings, at) is not None
    assert failures() == ["second factor"] * 3


def test_a_code_proves_once(prove: Callable[..., Login], settings: Settings, at: datetime) -> None:
    renewed = prove(code_at(at))
    assert login_sessions.find_login(renewed.token, settings, at)
    with pytest.raises(WrongCode):
        prove(code_at(at))
    assert prove(code_at(at, 1))


def test_a_recovery_code_proves_too_and_is_used_up(prove: Callable[..., Login], at: datetime) -> None:
    prove("aaaa bbbb")
    assert db.session.scalars(select(RecoveryCode.used_at)).one() == at
    with pytest.raises(WrongCode):
        prove("AAAA-BBBB")


def test_a_wrong_password_uses_no_code_up(prove: Callable[..., Login], at: datetime) -> None:
    for code in ("AAAA-BBBB", code_at(at)):
        with pytest.raises(BadLogin, match="password"):
            prove(code, password="a wrong password")
        assert prove(code)


def test_wrong_codes_are_slowed_as_at_a_login(prove: Callable[..., Login], at: datetime) -> None:
    for _ in range(5):
        with pytest.raises(WrongCode):
            prove("000000")
    with pytest.raises(TooManyTries):
        prove(code_at(at))
    assert prove(code_at(at, 1), after=30)


def test_a_signature_asks_for_the_password_alone_and_forgives_no_wrong_code(
        prove: Callable[..., Login], login: Login, settings: Settings, at: datetime) -> None:
    for _ in range(4):
        with pytest.raises(WrongCode):
            prove("000000")
        logins.confirm_password(HERE, login, PASSWORD, settings=settings, at=at)
    with pytest.raises(WrongCode):
        prove("000000")
    with pytest.raises(TooManyTries):
        logins.confirm_password(HERE, login, PASSWORD, settings=settings, at=at)


def test_a_signature_does_not_stand_for_the_proof(login: Login, settings: Settings, at: datetime) -> None:
    db.session.scalars(select(UserSession)).one().proven_at = long_ago = at - timedelta(hours=1)
    db.session.commit()
    logins.confirm_password(HERE, login, PASSWORD, settings=settings, at=at)
    assert db.session.scalars(select(UserSession.proven_at)).one() == long_ago


def test_a_new_password_asks_for_the_code_too(login: Login, settings: Settings, at: datetime) -> None:
    def change(code: str) -> Login:
        return logins.change_password(HERE, login, PASSWORD, NEW, code, settings=settings, at=at)

    with pytest.raises(WrongCode):
        change("")
    assert change(code_at(at))
    with pytest.raises(BadLogin):
        change(code_at(at, 1))


def test_codes_that_cannot_be_checked_are_told_and_a_recovery_code_still_proves(
        login: Login, settings: Settings, at: datetime) -> None:
    other = Settings(**{**vars(settings), "secret_key": "o" * 40})
    with pytest.raises(WrongCode, match="Use a recovery code"):
        logins.prove(HERE, login, PASSWORD, code_at(at), settings=other, at=at)
    assert logins.prove(HERE, login, PASSWORD, "AAAA-BBBB", settings=other, at=at)
