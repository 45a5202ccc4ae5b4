"""The password asked again before what matters, and on with what was asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.extensions import db
from portal.storage.tables.accounts import ApiToken, User, UserSession
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD
from tests.support.authenticator import fresh_code
from tests.support.client import Client
from tests.support.clock import Clock

CHIEF = "chief@clinic.example"
NEW = "amber compass thistle 17"
ASKED = "Your password again"
SENSITIVE = ("/account/tokens", "/account/second-factor", "/account/second-factor/codes",
             "/account/second-factor/remove")
OF_ADMINISTRATORS = ("/admin/users/2/approve", "/admin/users/2/disable", "/admin/users/2/reset",
                     "/admin/users/2/second-factor/reset", "/admin/models/leukemia/activate",
                     "/admin/models/leukemia/1/promote", "/admin/models/leukemia/rollback", "/admin/users/2/role",
                     "/admin/users/2/sessions/end", "/admin/users/2/sessions/2/end", "/admin/settings",
                     "/admin/choices", "/admin/retention", "/admin/pseudonym/deletion", "/admin/pseudonym/export")
UNASKED = {"notices.notice_write", "notices.notice_end", "subjects.subject_find", "fits.fit_ask"}
"""What administrators may do while somebody else sits at their screen: nothing of it changes who may what, or what is
kept of a patient.
"""


def grow_old(app: Flask, minutes: float = 6) -> None:
    """Every password was given so long ago."""
    with app.app_context():
        db.session.execute(update(UserSession).values(proven_at=now() - timedelta(minutes=minutes)))
        db.session.commit()


def count(app: Flask, table: type) -> int:
    with app.app_context():
        return len(db.session.scalars(select(table)).all())


def fields_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


@pytest.mark.parametrize("url", [*SENSITIVE, *OF_ADMINISTRATORS])
def test_what_matters_asks_for_the_password_when_it_was_given_long_ago(
        url: str, app: Flask, login: Callable[..., Client]) -> None:
    chief = login(CHIEF, "admin")
    login()
    grow_old(app)
    answer = chief.post(url, {"name": "nightly"})
    assert answer.status_code == 401
    assert ASKED in answer.text
    assert f'action="{url}"' in answer.text
    wrong = chief.post(url, {"proof": "not the password", "proof_code": "000000"})
    assert wrong.status_code == 401
    assert "not your password" in wrong.text
    half = chief.post(url, {"proof": PASSWORD, "proof_code": "000000"})
    assert half.status_code == 401
    assert "This code is wrong" in half.text
    assert chief.post(url, {"proof": PASSWORD}).status_code == 401


def test_every_act_of_administrators_asks_but_for_those_that_are_named(app: Flask) -> None:
    acts = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())
            and getattr(app.view_functions[rule.endpoint], "guard", "") == "administrator"}
    assert {act for act in acts if not getattr(app.view_functions[act], "proven", False)} == UNASKED


def test_it_goes_on_with_what_was_asked(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    grow_old(app)
    page = reader.post("/account/tokens", {"name": "nightly upload"})
    assert count(app, ApiToken) == 0
    answer = reader.post("/account/tokens", {**fields_of(page.text), "proof": PASSWORD})
    assert answer.status_code == 200
    assert "The token for nightly upload." in answer.text
    assert count(app, ApiToken) == 1
    assert reader.post("/account/tokens", {"name": "another"}).status_code == 200


def test_who_has_a_second_factor_goes_on_with_a_code_of_it(app: Flask, login: Callable[..., Client]) -> None:
    chief = login(CHIEF, "admin")
    grow_old(app)
    page = chief.post("/account/second-factor/codes", {"code": "of another form"})
    assert 'name="proof_code"' in page.text
    sent = fields_of(page.text)
    assert sent["code"] == "of another form"
    code = fresh_code(app, CHIEF)
    answer = chief.post("/account/second-factor/codes", {**sent, "proof": PASSWORD, "proof_code": code})
    assert answer.status_code == 200
    assert "Recovery codes" in answer.text
    grow_old(app)
    again = chief.post("/account/second-factor/codes", {"proof": PASSWORD, "proof_code": code})
    assert again.status_code == 401
    assert "used already" in again.text
    assert "proof_code" not in fields_of(again.text)


def test_the_page_on_the_way_asks_for_the_code_too(app: Flask, login: Callable[..., Client]) -> None:
    chief = login(CHIEF, "admin")
    grow_old(app)
    address = chief.get("/account/second-factor").location
    assert 'name="proof_code"' in chief.get(address).text
    assert chief.post(address, {"proof": PASSWORD}).status_code == 400
    assert chief.post(address, {"proof": PASSWORD, "proof_code": "000000"}).status_code == 401
    answer = chief.post(address, {"proof": PASSWORD, "proof_code": fresh_code(app, CHIEF)})
    assert (answer.status_code, answer.location) == (303, "/account/second-factor")


def test_a_new_password_asks_for_the_code_where_there_is_one(app: Flask, login: Callable[..., Client]) -> None:
    reader, chief = login(), login(CHIEF, "admin")
    assert 'name="code"' not in reader.get("/account").text
    assert 'name="code"' in chief.get("/account").text
    typed = {"current": PASSWORD, "password": NEW, "confirm": NEW}
    assert "Type the code." in chief.post("/account/password", typed).text
    wrong = chief.post("/account/password", {**typed, "code": "000000"})
    assert wrong.status_code == 400
    assert "This code is wrong" in wrong.text
    assert chief.post("/account/password", {**typed, "code": fresh_code(app, CHIEF)}).status_code == 303


def test_the_login_gets_a_new_token_with_it(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    grow_old(app)
    with app.app_context():
        before = db.session.scalars(select(UserSession.token_hash)).one()
    reader.post("/account/tokens", {"name": "x", "proof": PASSWORD})
    with app.app_context():
        assert db.session.scalars(select(UserSession.token_hash)).one() != before


def test_a_wrong_password_changes_nothing_and_keeps_what_was_sent(app: Flask, login: Callable[..., Client]) -> None:
    chief = login(CHIEF, "admin")
    login()
    grow_old(app)
    page = chief.post("/account/tokens", {"name": "kept words", "proof": "no"})
    assert fields_of(page.text)["name"] == "kept words"
    assert "proof" not in fields_of(page.text)
    chief.post("/admin/users/2/disable", {"proof": "no"})
    with app.app_context():
        assert db.session.get_one(User, 2).status == "approved"


def test_a_page_comes_back_after_the_question(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    grow_old(app)
    answer = reader.get("/account/second-factor")
    assert (answer.status_code, answer.location) == (302, "/prove?next=/account/second-factor")
    assert ASKED in reader.get(answer.location).text
    assert reader.post(answer.location, {"proof": "no"}).status_code == 401
    answer = reader.post(answer.location, {"proof": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/account/second-factor")
    assert reader.get(answer.location).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_it_leads_nowhere_else(target: str, login: Callable[..., Client]) -> None:
    answer = login().post("/prove", {"proof": PASSWORD}, query_string={"next": target})
    assert answer.location == "/account"


def test_many_wrong_passwords_wait(
        app: Flask, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch).stand()
    reader = login()
    grow_old(app)
    for _ in range(5):
        reader.post("/account/tokens", {"name": "x", "proof": "no"})
    answer = reader.post("/account/tokens", {"name": "x", "proof": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert fields_of(answer.text)["name"] == "x"


def test_a_script_is_told_in_its_own_words(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    grow_old(app)
    assert reader.post_json("/account/tokens", {"name": "x"}).status_code == 401
    assert count(app, ApiToken) == 0


def test_a_proof_is_in_the_audit_trail(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    grow_old(app)
    reader.post("/account/tokens", {"name": "x", "proof": PASSWORD})
    with app.app_context():
        actions = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions == ["login.success", "login.proven", "token.create"]
