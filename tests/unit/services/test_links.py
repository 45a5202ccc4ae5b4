"""Links that work once: the first administrator's and those for a new password."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from config import Settings
from portal.extensions import db
from portal.services import first_admin, links, login_guard, login_sessions, passwords
from portal.services.audit import Actor
from portal.services.errors import AccountExists, LinkExpired, NotFound, WeakPassword
from portal.services.login_sessions import Client, Login
from portal.services.tokens import digest
from portal.storage.tables.accounts import OneTimeLink, User
from portal.storage.tables.administration import AuditEvent

WARD = Actor(address="192.0.2.1")
CLIENT = Client(address="192.0.2.1", browser="")
NEW = "amber compass thistle 17"


def set_up(token: str, settings: Settings, at: datetime, email: str = "ada@clinic.example",
           password: str = NEW) -> Login:
    return first_admin.set_up(CLIENT, token, "Ada", email, password, settings=settings, at=at)


def setup_token(at: datetime) -> str:
    token = links.create_setup_link(WARD, at)
    assert token is not None
    return token


def test_the_database_keeps_no_token(inside: Flask, at: datetime) -> None:
    token = setup_token(at)
    assert db.session.scalars(select(OneTimeLink)).one().token_hash == digest(token) != token


def test_the_first_administrator_is_approved_and_logged_in(
        inside: Flask, settings: Settings, at: datetime) -> None:
    login = set_up(setup_token(at), settings, at)
    user = db.session.scalars(select(User)).one()
    assert (user.role, user.status) == ("admin", "approved")
    assert login_sessions.find_login(login.token, settings, at) == login


def test_a_used_setup_link_is_closed(inside: Flask, settings: Settings, at: datetime) -> None:
    token = setup_token(at)
    set_up(token, settings, at)
    with pytest.raises(LinkExpired):
        set_up(token, settings, at, "eve@clinic.example")
    with pytest.raises(LinkExpired):
        links.check_setup_link(token, at)


def test_a_newer_setup_link_voids_the_earlier_one(inside: Flask, at: datetime) -> None:
    earlier, later = setup_token(at), setup_token(at)
    with pytest.raises(LinkExpired):
        links.check_setup_link(earlier, at)
    links.check_setup_link(later, at)


def test_a_link_is_good_for_a_day(inside: Flask, at: datetime) -> None:
    token = setup_token(at)
    links.check_setup_link(token, at + timedelta(hours=23, minutes=59))
    with pytest.raises(LinkExpired):
        links.check_setup_link(token, at + timedelta(hours=24))


@pytest.mark.parametrize("token", ["", "guess", "x" * 5000, "\0"])
def test_a_guessed_link_is_closed(token: str, inside: Flask, at: datetime) -> None:
    setup_token(at)
    with pytest.raises(LinkExpired):
        links.check_setup_link(token, at)


def test_with_an_administrator_there_is_no_setup_link_and_old_ones_are_closed(
        inside: Flask, at: datetime, make_user: Callable[..., int]) -> None:
    token = setup_token(at)
    make_user(role="admin")
    with pytest.raises(LinkExpired):
        links.check_setup_link(token, at)
    assert links.create_setup_link(WARD, at) is None


def test_a_waiting_administrator_does_not_close_the_setup(
        inside: Flask, at: datetime, make_user: Callable[..., int]) -> None:
    make_user(role="admin", status="waiting")
    links.check_setup_link(setup_token(at), at)


def test_a_failed_setup_leaves_the_link_open(
        inside: Flask, settings: Settings, at: datetime, make_user: Callable[..., int]) -> None:
    token = setup_token(at)
    make_user("ada@clinic.example", status="waiting")
    with pytest.raises(WeakPassword):
        set_up(token, settings, at, "grace@clinic.example", password="password1234")
    with pytest.raises(AccountExists):
        set_up(token, settings, at)
    set_up(token, settings, at, "grace@clinic.example")


def test_a_setup_link_used_twice_at_once_makes_one_administrator(
        app: Flask, settings: Settings, at: datetime) -> None:
    with app.app_context():
        token = setup_token(at)

    def use(number: int) -> bool:
        with app.app_context():
            try:
                set_up(token, settings, at, f"admin{number}@clinic.example")
            except LinkExpired:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(use, range(4))) == 1
    with app.app_context():
        assert len(db.session.scalars(select(User)).all()) == 1


def test_a_reset_sets_the_password_ends_logins_and_forgives_failures(
        inside: Flask, settings: Settings, at: datetime, make_user: Callable[..., int]) -> None:
    user_id = make_user()
    user = db.session.get_one(User, user_id)
    login = login_sessions.open_session(user, CLIENT, True, at)
    for _ in range(5):
        login_guard.begin_try(user.email, "192.0.2.1", at)
    links.reset_password(WARD, links.create_reset_link(WARD, user_id, at), NEW, rounds=4, at=at)
    assert passwords.is_correct(NEW, db.session.get_one(User, user_id).password_hash, 4)
    assert login_sessions.find_login(login.token, settings, at) is None
    login_guard.begin_try(user.email, "192.0.2.1", at)


def test_a_reset_link_works_once(inside: Flask, at: datetime, make_user: Callable[..., int]) -> None:
    token = links.create_reset_link(WARD, make_user(), at)
    links.reset_password(WARD, token, NEW, rounds=4, at=at)
    with pytest.raises(LinkExpired):
        links.reset_password(WARD, token, "another compass thistle 18", rounds=4, at=at)


def test_a_reset_with_a_weak_password_leaves_the_link_open(
        inside: Flask, at: datetime, make_user: Callable[..., int]) -> None:
    token = links.create_reset_link(WARD, make_user(), at)
    with pytest.raises(WeakPassword):
        links.reset_password(WARD, token, "reader@clinic.example", rounds=4, at=at)
    links.reset_password(WARD, token, NEW, rounds=4, at=at)


def test_a_link_for_one_purpose_does_not_serve_another(
        inside: Flask, at: datetime, make_user: Callable[..., int]) -> None:
    setup, reset = setup_token(at), links.create_reset_link(WARD, make_user(), at)
    with pytest.raises(LinkExpired):
        links.check_reset_link(setup, at)
    with pytest.raises(LinkExpired):
        links.check_setup_link(reset, at)


def test_a_newer_reset_link_voids_the_same_persons_earlier_one_only(
        inside: Flask, at: datetime, make_user: Callable[..., int]) -> None:
    ada, grace = make_user(), make_user("grace@clinic.example")
    earlier, hers, later = (links.create_reset_link(WARD, one, at) for one in (ada, grace, ada))
    with pytest.raises(LinkExpired):
        links.check_reset_link(earlier, at)
    links.check_reset_link(hers, at)
    links.check_reset_link(later, at)


def test_there_is_no_reset_link_for_nobody(inside: Flask, at: datetime) -> None:
    with pytest.raises(NotFound):
        links.create_reset_link(WARD, 7, at)


def test_links_leave_audit_events_without_their_tokens(
        inside: Flask, at: datetime, make_user: Callable[..., int]) -> None:
    token = links.create_reset_link(WARD, make_user(), at)
    links.reset_password(WARD, token, NEW, rounds=4, at=at)
    events = db.session.scalars(select(AuditEvent)).all()
    assert [(one.action, one.subject) for one in events] == [
        ("link.create", "user:1"), ("link.use", "user:1"), ("password.reset", "user:1")]
    assert not any(token in str(one.details) or NEW in str(one.details) for one in events)
