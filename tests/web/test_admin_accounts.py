"""One account as an administrator sees it, and notices on top of the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.accounts import User, UserSession
from tests.support.client import Client


@pytest.fixture
def admin(login: Callable[..., Client]) -> Client:
    return login("admin@clinic.example", "admin")


def test_the_page_of_an_account_tells_no_patient_and_ends_its_logins(
        app: Flask, admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    reader.post("/cases/new", {"patient": "Zebra-4711", "specimen": "blood"})
    page = admin.get("/admin/users/2").text
    assert "reader@clinic.example" in page
    assert "Zebra" not in page
    with app.app_context():
        session_id = db.session.scalar(select(UserSession.id).where(UserSession.user_id == 2))
    assert admin.post(f"/admin/users/1/sessions/{session_id}/end").status_code == 404
    assert reader.get("/account").status_code == 200
    assert admin.post(f"/admin/users/2/sessions/{session_id}/end").status_code == 303
    assert reader.get("/account").status_code == 302


def test_all_logins_of_somebody_end_together(app: Flask, admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    second = Client(app)
    second.post("/login", {"email": "reader@clinic.example", "password": "violet harbour lantern 42"})
    admin.post("/admin/users/2/sessions/end")
    assert {one.get("/account").status_code for one in (reader, second)} == {302}
    assert admin.get("/account").status_code == 200


def test_a_clinician_is_made_an_administrator_and_the_last_one_stays(
        app: Flask, admin: Client, make_user: Callable[..., int]) -> None:
    user_id = make_user("cleo@clinic.example")
    admin.post("/admin/users/1/role", {"role": "clinician"})
    assert "last administrator" in admin.get("/admin/users/1").text
    admin.post(f"/admin/users/{user_id}/role", {"role": "admin"})
    with app.app_context():
        assert db.session.get_one(User, user_id).role == "admin"


def test_a_notice_stands_on_every_page_until_it_is_dismissed_or_over(
        admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert admin.post("/admin/notices", {"text": "Off on <b>Saturday</b>", "until": day}).status_code == 303
    assert "Off on &lt;b&gt;Saturday" in reader.get("/cases").text
    answer = reader.post("/notices/1/dismiss", {"next": "/cases"})
    assert answer.location == "/cases"
    assert "Saturday" not in reader.get("/cases").text
    assert "Saturday" in admin.get("/cases").text
    admin.post("/admin/notices/1/end")
    assert "Saturday" not in admin.get("/cases").text
    assert reader.post("/notices/1/dismiss", {"next": "https://evil.example"}).location == "/"


@pytest.mark.parametrize("until", ["2020-01-01", "2999-01-01", "", "soon"])
def test_a_notice_ends_within_a_year(admin: Client, until: str) -> None:
    assert admin.post("/admin/notices", {"text": "Hello", "until": until}).status_code == 400
