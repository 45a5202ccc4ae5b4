"""Who may ask: a token lets its person in and nobody else, and the audit names both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.accounts import ApiToken, User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.support import pictures
from tests.support.client import Client
from tests.support.programs import READER, Program, listed, problem
from tests.web.test_cases import open_case


@pytest.mark.parametrize("status", ["disabled", "waiting"])
def test_a_closed_account_is_heard_no_more(app: Flask, program: Program, status: str) -> None:
    assert program.get("/cases").status_code == 200
    with app.app_context():
        db.session.scalars(select(User)).one().status = status
        db.session.commit()
    problem(program.get("/cases"), 401)


def test_a_revoked_token_is_heard_no_more(app: Flask, program: Program) -> None:
    with app.app_context():
        db.session.scalars(select(ApiToken)).one().revoked_at = now()
        db.session.commit()
    assert "revoked" in problem(program.get("/cases"), 401)["detail"]


def test_who_sends_wrong_tokens_waits(app: Flask, program: Program) -> None:
    guesser = Program(app, "sr_guess")
    answers = [guesser.get("/cases") for _ in range(25)]
    assert {one.status_code for one in answers} == {401, 429}
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert program.get("/cases").status_code == 200


def test_what_a_program_does_is_audited_under_its_person_and_its_token(
        app: Flask, program: Program, case_id: int) -> None:
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "case.create")).one()
        assert event.actor is not None
        assert (event.actor.email, event.subject) == (READER, f"case:{case_id}")
        assert event.details == {"token": db.session.scalars(select(ApiToken.id)).one(), "token_name": "a script"}


def test_what_a_person_does_names_no_token(app: Flask, login: Callable[..., Client]) -> None:
    open_case(login())
    with app.app_context():
        for event in db.session.scalars(select(AuditEvent)):
            assert not {"token", "token_name"} & event.details.keys()


def test_nothing_of_somebody_else_is_there(
        enter: Callable[..., Program], case_id: int, scored: dict[str, Any]) -> None:
    for other in (enter("two@clinic.example"), enter("chief@clinic.example", "admin")):
        prediction = f"/predictions/{scored['prediction']}"
        for path in (f"/cases/{case_id}", f"/images/{scored['image']}/file", prediction, f"{prediction}/reviews",
                     f"{prediction}/layers/heatmap.png"):
            problem(other.get(path), 404)
        problem(other.upload(case_id, ("a.png", pictures.smear(2))), 404)
        problem(other.post(f"{prediction}/reviews", {"verdict": "agree"}), 404)
        assert listed(other) == listed(other, case=case_id) == []
        assert other.get("/cases").get_json()["cases"] == []
