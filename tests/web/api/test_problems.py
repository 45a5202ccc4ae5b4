"""What fails is told as a problem, and in the words of its kind."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.cases import Case
from tests.support.programs import Program, problem


@pytest.mark.parametrize("path", ["/nothing", "/cases/0", "/cases/99999999999", "/../v2/cases", "/models/none",
                                  "/predictions/1/layers/none.png", "/images/7/file"])
def test_what_is_not_there_is_a_problem_of_its_own_kind(program: Program, path: str) -> None:
    assert problem(program.get(path), 404)["title"] == "Not Found"


def test_a_method_that_is_not_answered_names_those_that_are(program: Program) -> None:
    answer = program.ask("DELETE", "/cases")
    problem(answer, 405)
    assert {"GET", "POST"} <= {one.strip() for one in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize(("body", "status"), [
    (b"{", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b"1" * 5000, 400), (b"[]", 422), (b"", 422), (b"null", 422),
    (b'{"patient": "P", "specimen": "\\ud800"}', 422), (b'{"patient": 1, "specimen": "blood"}', 422),
    (b'{"patient": "P", "specimen": "blood", "blind": 1}', 422),
    (b'{"patient": "P", "specimen": "blood", "owner_id": 2}', 422), (b" " * 300_000, 413)])
def test_a_body_that_is_no_case_is_refused(app: Flask, program: Program, body: bytes, status: int) -> None:
    problem(program.ask("POST", "/cases", data=body, content_type="application/json"), status)
    with app.app_context():
        assert db.session.scalars(select(Case)).all() == []


def test_a_case_in_another_language_than_json_is_refused(program: Program) -> None:
    problem(program.ask("POST", "/cases", data={"patient": "P-1", "specimen": "blood"}), 415)


def test_a_crash_tells_nothing(app: Flask, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("portal.services.cases.list_cases", fail)
    answer = program.get("/cases")
    problem(answer, 500)
    assert "secret" not in answer.text
