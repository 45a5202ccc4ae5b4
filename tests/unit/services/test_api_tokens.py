"""Personal tokens: who is let in with one, what is kept of it, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from config import Settings
from portal.extensions import db
from portal.services import accounts, api_tokens, links, login_guard, login_sessions, logins
from portal.services.audit import Actor
from portal.services.errors import BadToken, NotAdmitted, NotFound, TooManyTries
from portal.services.login_sessions import Client
from portal.services.tokens import digest
from portal.storage.tables.accounts import ApiToken, User
from portal.storage.tables.administration import AuditEvent
from tests.conftest import PASSWORD

LAB = "192.0.2.7"
NEW = "amber compass thistle 17"


@pytest.fixture
def user_id(inside: Flask, make_user: Callable[..., int]) -> int:
    return make_user()


@pytest.fixture
def secret(user_id: int, at: datetime) -> str:
    return api_tokens.make_token(Actor(user_id=user_id), user_id, "nightly upload", at)


def actions() -> list[tuple[str, str]]:
    return [(one.action, one.subject) for one in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def refused(secret: str, at: datetime, address: str = LAB) -> bool:
    try:
        api_tokens.admit(secret, address, at)
    except NotAdmitted:
        return True
    return False


def test_a_token_finds_its_person_and_the_table_keeps_only_its_hash(user_id: int, secret: str, at: datetime) -> None:
    bearer = api_tokens.admit(secret, LAB, at)
    assert (bearer.id, bearer.email, bearer.role) == (user_id, "reader@clinic.example", "clinician")
    row = db.session.scalars(select(ApiToken)).one()
    kept = [str(getattr(row, column.key)) for column in ApiToken.__table__.columns]
    assert row.token_hash == digest(secret)
    assert not [text for text in kept if secret in text]


def test_no_two_tokens_are_alike_and_none_is_short(user_id: int, secret: str, at: datetime) -> None:
    other = api_tokens.make_token(Actor(user_id=user_id), user_id, "nightly upload", at)
    assert other != secret
    assert min(len(secret), len(other)) > 40


@pytest.mark.parametrize("wrong", ["", "sr_", "guess", "x" * 5000, "\0", "é\ud800"])
def test_a_wrong_token_finds_nobody(wrong: str, secret: str, at: datetime) -> None:
    assert refused(wrong, at)
    assert refused(secret[:-1], at)
    assert refused(digest(secret), at)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "two\nlines\0"])
def test_a_token_needs_a_name(name: str, user_id: int, at: datetime) -> None:
    with pytest.raises(BadToken):
        api_tokens.make_token(Actor(user_id=user_id), user_id, name, at)
    assert api_tokens.list_tokens(user_id) == []


def test_nobody_has_tokens_without_end(user_id: int, at: datetime) -> None:
    for number in range(api_tokens.MOST):
        api_tokens.make_token(Actor(user_id=user_id), user_id, f"script {number}", at)
    with pytest.raises(BadToken):
        api_tokens.make_token(Actor(user_id=user_id), user_id, "one more", at)
    api_tokens.revoke_token(Actor(user_id=user_id), user_id, api_tokens.list_tokens(user_id)[0].id, at)
    assert api_tokens.make_token(Actor(user_id=user_id), user_id, "one more", at)


def test_a_revoked_token_stops_at_once_and_the_others_go_on(user_id: int, secret: str, at: datetime) -> None:
    other = api_tokens.make_token(Actor(user_id=user_id), user_id, "other", at)
    listed = {one.name: one.id for one in api_tokens.list_tokens(user_id)}
    api_tokens.revoke_token(Actor(user_id=user_id), user_id, listed["nightly upload"], at)
    assert refused(secret, at)
    assert api_tokens.admit(other, LAB, at).id == user_id
    assert [one.name for one in api_tokens.list_tokens(user_id)] == ["other"]
    with pytest.raises(NotFound):
        api_tokens.revoke_token(Actor(user_id=user_id), user_id, listed["nightly upload"], at)


def test_somebody_elses_token_cannot_be_revoked(
        user_id: int, secret: str, at: datetime, make_user: Callable[..., int]) -> None:
    other = make_user("grace@clinic.example")
    with pytest.raises(NotFound):
        api_tokens.revoke_token(Actor(user_id=other), other, api_tokens.list_tokens(user_id)[0].id, at)
    assert api_tokens.admit(secret, LAB, at)


def test_making_and_revoking_are_audited(user_id: int, secret: str, at: datetime) -> None:
    token_id = api_tokens.list_tokens(user_id)[0].id
    api_tokens.revoke_token(Actor(user_id=user_id), user_id, token_id, at)
    assert actions() == [("token.create", f"token:{token_id}"), ("token.revoke", f"token:{token_id}")]


@pytest.mark.parametrize("status", ["waiting", "disabled"])
def test_an_account_that_is_not_approved_acts_no_more(status: str, user_id: int, secret: str, at: datetime) -> None:
    db.session.get_one(User, user_id).status = status
    db.session.commit()
    assert refused(secret, at)
    with pytest.raises(BadToken):
        api_tokens.make_token(Actor(user_id=user_id), user_id, "another", at)


def test_approving_a_disabled_account_again_wakes_no_token(user_id: int, secret: str, at: datetime) -> None:
    accounts.disable_user(Actor(), user_id, at)
    assert refused(secret, at)
    accounts.approve_user(Actor(), user_id)
    assert refused(secret, at)


def test_a_new_password_revokes_every_token(user_id: int, secret: str, settings: Settings, at: datetime) -> None:
    login = login_sessions.open_session(db.session.get_one(User, user_id), Client(address=LAB, browser=""), False, at)
    db.session.commit()
    logins.change_password(Actor(user_id=user_id), login, PASSWORD, NEW, settings=settings, at=at)
    assert refused(secret, at)


def test_a_reset_password_revokes_every_token(user_id: int, secret: str, at: datetime) -> None:
    link = links.create_reset_link(Actor(), user_id, at)
    links.reset_password(Actor(), link, NEW, rounds=4, at=at)
    assert refused(secret, at)


def test_use_is_noted_once_a_minute_and_not_at_every_request(user_id: int, secret: str, at: datetime) -> None:
    writes = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("SELECT"):
            writes.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    assert api_tokens.list_tokens(user_id)[0].used_at is None
    for seconds in range(0, 60, 5):
        api_tokens.admit(secret, LAB, at + timedelta(seconds=seconds))
    assert len(writes) == 1
    api_tokens.admit(secret, LAB, at + timedelta(seconds=61))
    assert len(writes) == 2
    db.session.expire_all()
    assert api_tokens.list_tokens(user_id)[0].used_at == at + timedelta(seconds=61)


def test_an_address_that_sends_wrong_tokens_is_slowed_but_its_right_ones_and_its_logins_are_not(
        secret: str, settings: Settings, at: datetime) -> None:
    for _ in range(login_guard.TOKEN.free):
        assert refused("sr_forgotten", at)
    with pytest.raises(TooManyTries):
        api_tokens.admit("sr_forgotten", LAB, at)
    assert api_tokens.admit(secret, LAB, at)
    assert refused("sr_forgotten", at, "192.0.2.8")
    assert logins.log_in(Client(address=LAB, browser=""), "reader@clinic.example", PASSWORD, remember=False,
                         settings=settings, at=at)
    assert refused("sr_forgotten", at + timedelta(minutes=1))
