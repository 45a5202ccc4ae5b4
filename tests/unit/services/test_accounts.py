"""Accounts: asking, approving, disabling; and two people doing so in the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from config import Settings
from portal.extensions import db
from portal.services import accounts, links, login_sessions, passwords
from portal.services.audit import Actor
from portal.services.errors import (
    AccountExists,
    BadAccount,
    LastAdministrator,
    LinkExpired,
    NotFound,
    TooManyTries,
    WeakPassword,
)
from portal.services.login_sessions import Client
from portal.storage.tables.accounts import User, UserSession
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD

WARD = Actor(address="192.0.2.1")


def register(email: str = "ada@clinic.example", name: str = "Ada", at: datetime | None = None,
             actor: Actor = WARD) -> None:
    accounts.register(actor, name, email, PASSWORD, rounds=4, at=at or now())


def audited(action: str) -> list[AuditEvent]:
    events = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)
    return list(db.session.scalars(events))


def test_a_new_account_waits_and_may_do_nothing(inside: Flask) -> None:
    register()
    user = db.session.scalars(select(User)).one()
    assert (user.status, user.role, user.name) == ("waiting", "clinician", "Ada")
    assert accounts.count_waiting() == 1


def test_asking_leaves_an_audit_event_without_the_password(inside: Flask) -> None:
    register()
    event = audited("user.register")[0]
    assert (event.subject, event.address, event.details) == ("user:1", "192.0.2.1", {"new": True})


def test_asking_again_changes_nothing_and_tells_nobody(inside: Flask) -> None:
    register()
    kept = db.session.scalars(select(User)).one().password_hash
    register(name="Somebody Else", email="ADA@Clinic.Example")
    user = db.session.scalars(select(User)).one()
    assert (user.name, user.password_hash) == ("Ada", kept)
    assert audited("user.register")[1].details == {"new": False}


def test_a_known_address_costs_as_many_hashes_as_a_new_one(
        inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    hashed = passwords.hash_password
    monkeypatch.setattr(passwords, "hash_password",
                        lambda text, cost: rounds.append(cost) or hashed(text, cost))
    register()
    register()
    assert rounds == [4, 4]


@pytest.mark.parametrize(("name", "email", "field"), [
    ("", "ada@clinic.example", "name"), ("   ", "ada@clinic.example", "name"),
    ("x" * 121, "a@b.example", "name"),
    ("Ada\u202eecalevoL", "ada@clinic.example", "name"), ("Ada\0", "ada@clinic.example", "name"),
    ("Ada", "", "email"), ("Ada", "ada", "email"), ("Ada", "ada@", "email"),
    ("Ada", "a@b@c.example", "email"),
    ("Ada", "ada @clinic.example", "email"), ("Ada", f"{'a' * 250}@clinic.example", "email"),
    ("Ada", "ada@clinic.example\r\nBcc: all@clinic.example", "email")])
def test_a_name_or_address_that_cannot_be_is_refused(
        name: str, email: str, field: str, inside: Flask) -> None:
    with pytest.raises(BadAccount) as caught:
        register(email, name)
    assert caught.value.field == field
    assert db.session.scalars(select(User)).all() == []


def test_a_weak_password_makes_no_account(inside: Flask) -> None:
    with pytest.raises(WeakPassword):
        accounts.register(WARD, "Ada", "ada@clinic.example", "password1234", rounds=4, at=now())
    assert db.session.scalars(select(User)).all() == []


@pytest.mark.parametrize(("typed", "kept"), [
    (" Ada@Clinic.Example ", "ada@clinic.example"), ("ada@clinic.local", "ada@clinic.local"),
    ("ADA@MÜLLER.example", "ada@müller.example"), ("Ada.Lovelace+ward@clinic.example",
                                                     "ada.lovelace+ward@clinic.example")])
def test_an_address_has_one_spelling(typed: str, kept: str) -> None:
    assert accounts.checked_email(typed) == kept


@given(st.emails())
def test_the_one_spelling_of_an_address_is_its_own_spelling(email: str) -> None:
    try:
        kept = accounts.checked_email(email)
    except BadAccount:
        return
    assert accounts.checked_email(kept) == kept
    assert accounts.checked_email(email.upper()) == accounts.checked_email(email.upper().lower())


@given(st.text(max_size=60))
def test_any_text_can_be_looked_for_as_an_address(text: str) -> None:
    assert isinstance(accounts.folded_email(text), str)


def test_too_many_requests_from_one_address_are_refused(inside: Flask, at: datetime) -> None:
    for number in range(accounts.REGISTRATIONS_AN_HOUR):
        register(f"guest{number}@clinic.example", at=at)
    with pytest.raises(TooManyTries):
        register("one.more@clinic.example", at=at)
    register("one.more@clinic.example", at=at, actor=Actor(address="198.51.100.7"))
    register("later@clinic.example", at=at + timedelta(hours=2))


def test_the_same_address_asked_for_at_once_makes_one_account(app: Flask) -> None:
    def ask(_: int) -> None:
        with app.app_context():
            register()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(6)))
    with app.app_context():
        assert len(db.session.scalars(select(User)).all()) == 1


def test_two_accounts_cannot_share_an_address(inside: Flask) -> None:
    register()
    with pytest.raises(AccountExists):
        accounts.create_account(WARD, "Ada", "ada@clinic.example", PASSWORD, role="admin", approved=True,
                                rounds=4)


def test_an_accent_makes_another_address(inside: Flask, make_user: Callable[..., int]) -> None:
    make_user("jose@clinic.example")
    with pytest.raises(NotFound):
        accounts.get_by_email("josé@clinic.example")


def test_approving_lets_in_and_says_so_once(inside: Flask, make_user: Callable[..., int]) -> None:
    user_id = make_user(status="waiting")
    accounts.approve_user(WARD, user_id)
    accounts.approve_user(WARD, user_id)
    assert accounts.get_user(user_id).status == "approved"
    assert len(audited("user.approve")) == 1


def test_disabling_ends_every_login_and_link_at_once(
        inside: Flask, make_user: Callable[..., int], settings: Settings, at: datetime) -> None:
    user_id = make_user()
    user = db.session.get_one(User, user_id)
    tokens = [login_sessions.open_session(user, Client(address="", browser=""), remember, at).token
              for remember in (False, True)]
    link = links.create_reset_link(WARD, user_id, at)
    accounts.disable_user(WARD, user_id, at)
    assert db.session.scalars(select(UserSession)).all() == []
    assert [login_sessions.find_login(token, settings, at) for token in tokens] == [None, None]
    with pytest.raises(LinkExpired):
        links.check_reset_link(link, at)
    assert audited("user.disable")[0].details == {
        "was": "approved", "now": "disabled", "sessions_ended": 2, "tokens_revoked": 0}


def test_a_login_from_before_does_not_come_back_with_the_approval(
        inside: Flask, make_user: Callable[..., int], settings: Settings, at: datetime) -> None:
    user_id = make_user(status="disabled")
    user = db.session.get_one(User, user_id)
    late = login_sessions.open_session(user, Client(address="", browser=""), True, at)
    db.session.commit()
    accounts.approve_user(WARD, user_id)
    assert login_sessions.find_login(late.token, settings, at) is None


def test_the_last_administrator_cannot_be_disabled(
        inside: Flask, make_user: Callable[..., int], at: datetime) -> None:
    user_id = make_user(role="admin")
    make_user("waiting@clinic.example", role="admin", status="waiting")
    with pytest.raises(LastAdministrator):
        accounts.disable_user(WARD, user_id, at)
    assert accounts.get_user(user_id).status == "approved"
    assert audited("user.disable") == []


def test_others_can_be_disabled_without_any_administrator(
        inside: Flask, make_user: Callable[..., int], at: datetime) -> None:
    user_id = make_user()
    accounts.disable_user(WARD, user_id, at)
    assert accounts.get_user(user_id).status == "disabled"


def test_two_administrators_who_disable_each_other_at_once_leave_one(
        app: Flask, make_user: Callable[..., int], at: datetime) -> None:
    ids = [make_user(f"admin{number}@clinic.example", role="admin") for number in range(2)]
    together = Barrier(2)

    def disable(user_id: int) -> None:
        with app.app_context():
            accounts.get_user(user_id)  # a view has read the account before
            together.wait()
            try:
                accounts.disable_user(WARD, user_id, at)
            except LastAdministrator:
                return

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(disable, ids))
    with app.app_context():
        assert [user.status for user in accounts.list_users()].count("approved") == 1


def test_an_account_that_is_not_there_is_not_found(inside: Flask, at: datetime) -> None:
    for act in (lambda: accounts.get_user(7), lambda: accounts.approve_user(WARD, 7),
                lambda: accounts.disable_user(WARD, 7, at),
                lambda: accounts.get_by_email("ada@clinic.example")):
        with pytest.raises(NotFound):
            act()


def test_the_list_begins_with_those_who_wait(inside: Flask, make_user: Callable[..., int]) -> None:
    for name, status in (("anna", "approved"), ("zoe", "waiting"), ("ben", "disabled"), ("carl", "waiting")):
        make_user(f"{name}@clinic.example", status=status)
    assert [user.name for user in accounts.list_users()] == ["Carl", "Zoe", "Anna", "Ben"]
