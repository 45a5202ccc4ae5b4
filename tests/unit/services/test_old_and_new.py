"""Whoever changes something leaves in the audit what it was and what it is now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from config import Settings
from portal.extensions import db
from portal.services import (
    account_page,
    accounts,
    api_tokens,
    audit,
    blind,
    cases,
    deletions,
    image_fields,
    login_sessions,
    logins,
    notices,
    second_factor,
    sharing,
    site,
)
from portal.services.login_sessions import Client, Login
from portal.services.slides import drawings
from portal.storage.tables.accounts import ApiToken
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Annotation
from tests.conftest import PASSWORD

CHIEF = audit.Actor(user_id=1)
READER = "reader@clinic.example"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def people(inside: Flask, make_user: Callable[..., int]) -> None:
    """1: an administrator, 2: a reader, 3: a colleague, 4: somebody who waits."""
    make_user("admin@clinic.example", "admin")
    make_user(READER)
    make_user("colleague@clinic.example")
    make_user("new@clinic.example", status="waiting")


def told(action: str) -> tuple[Any, Any]:
    """What the last such event says that it was, and is."""
    found = db.session.scalars(select(AuditEvent.details).where(AuditEvent.action == action)
                               .order_by(AuditEvent.id.desc())).first()
    assert found is not None, action
    return (found["was"], found["now"]) if "was" in found else (found["old"], found["new"])


def enter(settings: Settings, at: datetime) -> Login:
    login = logins.log_in(Client(address="", browser=""), READER, PASSWORD, remember=False, settings=settings, at=at)
    assert isinstance(login, Login)
    return login


def test_accounts(at: datetime) -> None:
    accounts.approve_user(CHIEF, 4)
    assert told("user.approve") == ("waiting", "approved")
    accounts.disable_user(CHIEF, 4, at)
    assert told("user.disable") == ("approved", "disabled")
    accounts.approve_user(CHIEF, 4)
    assert told("user.approve") == ("disabled", "approved")
    account_page.change_role(CHIEF, 4, "admin", at)
    assert told("user.role") == ("clinician", "admin")


def test_logins_and_tokens(settings: Settings, at: datetime) -> None:
    login, actor = enter(settings, at), audit.Actor(user_id=2)
    login_sessions.end_session(actor, 2, login.session_id)
    assert told("session.end") == ("open", "ended")
    account_page.end_session(CHIEF, 2, enter(settings, at).session_id)
    assert told("session.end") == ("open", "ended")
    api_tokens.make_token(actor, 2, "a script", at)
    api_tokens.revoke_token(actor, 2, db.session.scalars(select(ApiToken.id)).one(), at)
    assert told("token.revoke") == ("open", "revoked")


def test_the_second_factor(settings: Settings, at: datetime) -> None:
    login, actor = enter(settings, at), audit.Actor(user_id=2)
    code = second_factor.code_at(SECRET, second_factor.step_of(at))
    login, _ = second_factor.set_up(actor, login, SECRET, code, settings=settings, at=at)
    assert told("second-factor.set-up") == ("none", "set up")
    second_factor.set_up(actor, login, SECRET, code, settings=settings, at=at)
    assert told("second-factor.set-up") == ("set up", "set up")
    second_factor.renew_codes(actor, 2)
    assert told("second-factor.codes") == (10, 10)
    second_factor.remove(actor, 2)
    assert told("second-factor.remove") == ("set up", "none")
    second_factor.reset(CHIEF, 2)
    assert told("second-factor.reset") == ("none", "none")


def test_choices_and_notices(at: datetime) -> None:
    for wanted, pair in ((replace(site.load(), retention_months=120), ("", "120")),
                         (replace(site.load(), retention_months=24), ("120", "24")),
                         (replace(site.load(), retention_months=24, registration_open=False), ("open", "closed")),
                         (replace(site.load(), retention_months=24, registration_open=False, pseudonym_mask="P-9"),
                          ("", "P-9"))):
        site.save(CHIEF, wanted)
        assert told("choice.change") == pair
    blind.choose_policy(CHIEF, "always")
    assert told("choice.change") == ("off", "always")
    notice = notices.write(CHIEF, "Closed on Sunday", (at + timedelta(days=2)).date(), at)
    notices.end(CHIEF, notice, at)
    was, now = told("notice.end")
    assert (datetime.fromisoformat(was).date(), now) == ((at + timedelta(days=2)).date(), at.isoformat())


def test_sharing_and_what_stands_of_an_image(at: datetime) -> None:
    actor = audit.Actor(user_id=2)
    case = db.session.get(Case, cases.create_case(actor, 2, "P-1", "blood", ""))
    assert case is not None
    sharing.share_case(actor, case, 3)
    assert told("case.share") == ([2], [2, 3])
    sharing.end_share(actor, case, 3)
    assert told("case.unshare") == ([2, 3], [2])
    blind.switch(actor, case, True)
    assert told("case.blind") == (False, True)
    image = Image(case_id=case.id, sha256="0" * 64, name="a.png", stored_as="a.png", content_type="image/png",
                  format="PNG", width=900, height=900, size=9, um_per_px=None, kind="slide")
    db.session.add(image)
    db.session.commit()
    image_fields.correct_fields(actor, 2, image.id, "7", "")
    assert told("image.correct")[1] == {"serial": "7", "specimen_group": ""}
    mark = drawings.draw(actor, image, "box", [[1, 1], [90, 90]], "mitosis").mark
    drawings.change(actor, image, mark, text="none")
    drawings.remove(actor, image, mark)
    states = db.session.scalars(select(Annotation.id).order_by(Annotation.id)).all()
    assert [told(f"annotation.{one}") for one in ("draw", "change", "remove")] == [
        (None, states[0]), (states[0], states[1]), (states[1], states[2])]
    proposal = deletions.propose(actor, deletions.Person(id=2, administers=False), case.id, "a mistake")
    deletions.withdraw(actor, deletions.Person(id=2, administers=False), proposal, at)
    assert told("case.delete.withdraw") == ("proposed", "withdrawn")
