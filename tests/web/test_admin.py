"""Administration: accounts, the audit trail, models and machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from models.engine import Engine
from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from tests.conftest import PASSWORD
from tests.support.candidates import CANDIDATE, install
from tests.support.client import Client

ADMIN = "admin@clinic.example"


@pytest.fixture
def admin(login: Callable[..., Client]) -> Client:
    return login(ADMIN, "admin")


def status_of(app: Flask, user_id: int) -> str:
    with app.app_context():
        return db.session.get_one(User, user_id).status


def log_in(app: Flask, email: str) -> int:
    return Client(app).post("/login", {"email": email, "password": PASSWORD}).status_code


def test_those_who_wait_come_first(admin: Client, make_user: Callable[..., int]) -> None:
    make_user("anna@clinic.example")
    make_user("zoe@clinic.example", status="waiting")
    page = admin.get("/admin/users").text
    assert page.index("zoe@clinic.example") < page.index("anna@clinic.example")


def test_an_approved_account_can_log_in(app: Flask, admin: Client, make_user: Callable[..., int]) -> None:
    user_id = make_user("zoe@clinic.example", status="waiting")
    assert log_in(app, "zoe@clinic.example") == 401
    answer = admin.post(f"/admin/users/{user_id}/approve")
    assert (answer.status_code, answer.location) == (303, "/admin/users")
    assert log_in(app, "zoe@clinic.example") == 303


def test_a_disabled_account_is_thrown_out_and_can_be_approved_again(
        app: Flask, admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    admin.post("/admin/users/2/disable")
    assert reader.get("/account").status_code == 302
    assert log_in(app, "reader@clinic.example") == 401
    admin.post("/admin/users/2/approve")
    assert log_in(app, "reader@clinic.example") == 303


def test_the_last_administrator_stays(app: Flask, admin: Client) -> None:
    assert admin.post("/admin/users/1/disable").status_code == 303
    assert "last administrator cannot be disabled" in admin.get("/admin/users").text
    assert status_of(app, 1) == "approved"


def test_an_administrator_may_leave_when_another_stays(
        app: Flask, admin: Client, make_user: Callable[..., int]) -> None:
    make_user("second@clinic.example", role="admin")
    admin.post("/admin/users/1/disable")
    assert status_of(app, 1) == "disabled"
    assert admin.get("/admin/users").status_code == 302


def test_a_reset_shows_a_link_once_that_sets_the_password(
        app: Flask, admin: Client, make_user: Callable[..., int]) -> None:
    user_id = make_user("zoe@clinic.example")
    page = admin.post(f"/admin/users/{user_id}/reset")
    found = re.search(r"http://localhost(/reset\?token=[\w-]{43})", page.text)
    assert found is not None
    assert found.group(1) not in admin.get("/admin/users").text
    assert Client(app).get(found.group(1)).status_code == 200


@pytest.mark.parametrize("action", ["approve", "disable", "reset"])
@pytest.mark.parametrize("user_id", [7, 2**31, 10**30])
def test_an_account_that_is_not_there_is_not_found(action: str, user_id: int, admin: Client) -> None:
    assert admin.post(f"/admin/users/{user_id}/{action}").status_code == 404


def test_what_an_administrator_does_is_in_the_audit_trail(
        app: Flask, admin: Client, make_user: Callable[..., int]) -> None:
    user_id = make_user("zoe@clinic.example", status="waiting")
    for action in ("approve", "reset", "disable"):
        admin.post(f"/admin/users/{user_id}/{action}")
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        kept = [(one.action, one.actor_id, one.subject) for one in events[1:]]
    assert kept == [("user.approve", 1, "user:2"), ("link.create", 1, "user:2"),
                    ("user.disable", 1, "user:2")]


def test_an_event_of_somebody_not_logged_in_is_listed(app: Flask, admin: Client) -> None:
    log_in(app, "nobody@clinic.example")
    assert "login.failure" in admin.get("/admin/audit").text


def test_the_models_and_their_state_are_listed(app: Flask, admin: Client) -> None:
    page = admin.get("/admin/models").text
    for spec in app.extensions["engine"].specs():
        assert spec.key in page


def test_the_system_page_counts_and_names_no_password(app: Flask, admin: Client) -> None:
    page = admin.get("/admin/system").text
    assert "Python" in page
    assert app.extensions["settings"].secret_key not in page
    assert "://" not in page.partition("<main")[2].partition("</main>")[0]


def test_an_installed_candidate_is_offered_at_the_press_of_a_button(
        app: Flask, admin: Client, tmp_path: Path) -> None:
    app.extensions["engine"] = Engine(weights=install(tmp_path / "weights"))
    assert f"/admin/models/{CANDIDATE}/activate" in admin.get("/admin/models").text
    answer = admin.post(f"/admin/models/{CANDIDATE}/activate")
    assert (answer.status_code, answer.location) == (303, "/admin/models")
    page = admin.get("/admin/models").text
    assert "is offered from now on" in page
    assert "/admin/models/leukemia/activate" in page
    case = admin.post("/cases/new", {"patient": "P-1", "specimen": "blood"}).location
    form = admin.get(case).text
    assert f'value="{CANDIDATE}"' in form
    assert 'value="leukemia"' not in form


@pytest.mark.parametrize(("key", "why"), [("astrology", "no model"), ("pcam", "always offered")])
def test_what_cannot_be_offered_is_said_so(admin: Client, key: str, why: str) -> None:
    admin.post(f"/admin/models/{key}/activate")
    assert why in admin.get("/admin/models").text
