"""A pseudonym that looks like a person: asked about once, and opened all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case
from tests.support.client import Client
from tests.support.programs import Program, make_token

NAME = "Anna Beispiel"


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


def opened(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Case.patient)))


def recorded(app: Flask) -> list[tuple[str, object]]:
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "case.pseudonym-doubt")).all()
        return [(one.subject, one.details) for one in rows]


def test_the_form_asks_once_and_then_opens_the_case(app: Flask, reader: Client) -> None:
    sent = {"patient": NAME, "specimen": "blood"}
    asked = reader.post("/cases/new", sent)
    assert asked.status_code == 422
    assert "looks like a person’s name" in asked.text
    assert opened(app) == []
    assert f'name="sure" type="hidden" value="{NAME}"' in asked.text
    answer = reader.post("/cases/new", {**sent, "sure": NAME})
    assert answer.status_code == 303
    assert opened(app) == [NAME]
    assert recorded(app) == [(f"case:{answer.location.rpartition('/')[2]}", {"looks_like": ["name"]})]


def test_being_sure_of_one_text_is_not_being_sure_of_another(app: Flask, reader: Client) -> None:
    answer = reader.post("/cases/new", {"patient": "12.03.1961", "specimen": "blood", "sure": NAME})
    assert answer.status_code == 422
    assert opened(app) == []


def test_a_pseudonym_is_not_asked_about(app: Flask, reader: Client) -> None:
    assert reader.post("/cases/new", {"patient": "P-0117", "specimen": "blood"}).status_code == 303
    assert recorded(app) == []


def test_a_script_is_told_while_it_is_typed_and_nothing_is_kept(app: Flask, reader: Client) -> None:
    answer = reader.post("/cases/pseudonym", {"patient": "a@clinic.example"})
    assert answer.json == {"warnings": ["It looks like an e-mail address."]}
    assert opened(app) == []


def test_a_program_is_warned(app: Flask, make_user: Callable[..., int]) -> None:
    program = Program(app, make_token(app, make_user()))
    sent = {"patient": NAME, "specimen": "blood"}
    assert program.ask("POST", "/cases", json=sent).json["warnings"] == ["It looks like a person’s name."]
    assert program.ask("POST", "/cases", json={**sent, "patient": "P-1"}).json["warnings"] == []
    assert [subject for subject, _ in recorded(app)] == ["case:1"]


def test_what_does_not_follow_the_mask_is_refused(
        app: Flask, login: Callable[..., Client], make_user: Callable[..., int]) -> None:
    admin = login("admin@clinic.example", "admin")
    refused = admin.post("/admin/settings", {"registration": "y", "retention": "", "mask": "999-99-9999"})
    assert refused.status_code == 400
    assert admin.post("/admin/settings", {"registration": "y", "retention": "", "mask": "P-9999"}).status_code == 303
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "choice.change")).one()
        assert (event.subject, event.details) == ("choice:pseudonym-mask", {"old": "", "new": "P-9999"})
    answer = admin.post("/cases/new", {"patient": "P-17", "specimen": "blood"})
    assert answer.status_code == 400
    assert "P-4444" in answer.text
    assert admin.post("/cases/new", {"patient": "P-0017", "specimen": "blood"}).status_code == 303
    program = Program(app, make_token(app, 1))
    assert program.ask("POST", "/cases", json={"patient": "P-17", "specimen": "blood"}).status_code == 422


def test_closed_registration_takes_nobody(app: Flask, login: Callable[..., Client]) -> None:
    login("admin@clinic.example", "admin").post("/admin/settings", {"retention": "", "mask": ""})
    answer = Client(app).post("/register", {"name": "Zoe", "email": "zoe@clinic.example",
                                            "password": "a quiet lantern 77", "confirm": "a quiet lantern 77"})
    assert "Registration is closed" in answer.text
