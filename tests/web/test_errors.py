"""Failures: a plain page, a number for the administrator, and nothing of the inside."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal.extensions import db
from portal.services import worklist
from tests.support.client import Client


def test_a_page_that_is_not_there_says_so(client: Client) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "Not found" in answer.text


def test_a_crash_shows_a_number_that_the_log_knows(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret inside")

    reader = login()
    monkeypatch.setattr(worklist, "list_items", fail)
    monkeypatch.setattr(logging.getLogger("portal"), "propagate", True)
    answer = reader.get("/")
    assert answer.status_code == 500
    assert "secret inside" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret inside" in caplog.text


def test_a_database_that_is_away_is_a_plain_page_for_those_who_are_logged_in(
        app: Flask, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    reader = login()

    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(db.session, "scalar", away)
    monkeypatch.setattr(db.session, "execute", away)
    monkeypatch.setattr(db.session, "get", away)
    answer = reader.get("/cases")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Not available right now" in answer.text


def test_what_was_typed_never_ends_in_the_log(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    reader = login()
    monkeypatch.setattr(logging.getLogger("portal"), "propagate", True)
    with reader.app.app_context():
        db.session.execute(text("ALTER TABLE cases RENAME TO cases_away"))
        db.session.commit()
    try:
        answer = reader.post("/cases/new", {"patient": "P-secret", "specimen": "blood", "note": "typed note"})
    finally:
        with reader.app.app_context():
            db.session.execute(text("ALTER TABLE cases_away RENAME TO cases"))
            db.session.commit()
    assert answer.status_code in (500, 503)
    assert caplog.text
    assert "P-secret" not in caplog.text
    assert "typed note" not in caplog.text


@pytest.mark.parametrize(("accept", "kind"), [("application/json", "application/json"), ("text/html", "text/html")])
def test_errors_speak_the_language_that_was_asked_for(client: Client, accept: str, kind: str) -> None:
    assert client.get("/nowhere", headers={"Accept": accept}).mimetype == kind


def test_only_images_may_be_large(client: Client, login: Callable[..., Client]) -> None:
    long = "x" * 300_000
    for answer in (client.post("/login", {"email": long, "password": "x"}),
                   login().post("/cases/new", {"patient": "P-1", "specimen": "blood", "note": long})):
        assert answer.status_code == 413
        assert "Too large" in answer.text


def test_a_large_image_of_somebody_not_logged_in_is_not_taken_in(client: Client) -> None:
    answer = client.post("/cases/1/images", {"model": "x" * 300_000}, content_type="multipart/form-data")
    assert (answer.status_code, answer.location) == (302, "/login")
