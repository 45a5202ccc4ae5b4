"""Nobody locks everyone out, and whoever holds the machine gets back in, loudly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.services import account_page, accounts, audit, links, notices
from portal.services.break_glass import break_glass
from portal.services.errors import BadAccount, LastAdministrator, NotChosen
from portal.storage import users
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now

ACTOR = audit.Actor(address="command line")


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def status(user_id: int) -> tuple[str, str]:
    db.session.rollback()
    user = db.session.get_one(User, user_id, populate_existing=True)
    return user.role, user.status


def test_the_last_administrator_keeps_the_role(inside: Flask, make_user: Callable[..., int]) -> None:
    alone = make_user("ada@clinic.example", role="admin")
    make_user("idle@clinic.example", role="admin", status="disabled")
    with pytest.raises(LastAdministrator):
        account_page.change_role(ACTOR, alone, "clinician", now())
    assert status(alone) == ("admin", "approved")


def test_a_role_is_changed_and_its_logins_end(inside: Flask, make_user: Callable[..., int]) -> None:
    make_user("ada@clinic.example", role="admin")
    reader = make_user("cleo@clinic.example")
    account_page.change_role(ACTOR, reader, "admin", now())
    assert status(reader) == ("admin", "approved")
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "user.role")).one()
    assert (event.details["old"], event.details["new"]) == ("clinician", "admin")
    with pytest.raises(NotChosen):
        account_page.change_role(ACTOR, reader, "owner", now())


@pytest.mark.parametrize("acts", [("disable", "disable"), ("role", "role"), ("disable", "role")])
def test_two_administrators_who_remove_each_other_at_once_do_not_lock_everyone_out(
        inside: Flask, make_user: Callable[..., int], acts: tuple[str, str]) -> None:
    both = [make_user("ada@clinic.example", role="admin"), make_user("bea@clinic.example", role="admin")]
    together = threading.Barrier(2)

    def remove(act: str, user_id: int) -> None:
        with inside.app_context():
            together.wait()
            try:
                if act == "disable":
                    accounts.disable_user(ACTOR, user_id, now())
                else:
                    account_page.change_role(ACTOR, user_id, "clinician", now())
            except LastAdministrator:
                refused.append(user_id)

    refused: list[int] = []
    threads = [threading.Thread(target=remove, args=one) for one in zip(acts, both, strict=True)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(refused) == 1
    assert users.has_administrator()


def test_break_glass_makes_an_administrator_who_sets_a_password_and_everybody_is_told(
        inside: Flask, make_user: Callable[..., int]) -> None:
    other = make_user("ada@clinic.example", role="admin")
    clinician = make_user("cleo@clinic.example")
    token = break_glass(ACTOR, "New@Clinic.example", "New One", "the only one left", rounds=4, at=now())
    links.reset_password(ACTOR, token, "a quiet lantern harbour 7", rounds=4, at=now())
    made = accounts.get_by_email("new@clinic.example")
    assert (made.role, made.status, made.name) == ("admin", "approved", "New One")
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "user.break-glass")).one()
    assert (event.subject, event.details["old"], event.details["reason"]) == (
        f"user:{made.id}", None, "the only one left")
    told = notices.list_unread(other, administers=True, at=now())
    assert ["new@clinic.example" in one.text for one in told] == [True]
    assert not notices.list_unread(clinician, administers=False, at=now())


def test_break_glass_opens_an_account_that_was_closed(inside: Flask, make_user: Callable[..., int]) -> None:
    closed = make_user("ada@clinic.example", status="disabled")
    break_glass(ACTOR, "ada@clinic.example", "", "", rounds=4, at=now())
    assert status(closed) == ("admin", "approved")
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "user.break-glass")).one()
    assert event.details["old"] == {"role": "clinician", "status": "disabled"}


def test_what_is_no_address_breaks_no_glass(inside: Flask) -> None:
    with pytest.raises(BadAccount):
        break_glass(ACTOR, "nobody", "", "", rounds=4, at=now())
    assert not users.has_administrator()
