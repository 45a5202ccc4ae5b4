"""Cases: the same as on the pages, under the rules of the form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.services import blind
from portal.services.audit import Actor
from tests.support.client import Client
from tests.support.programs import Program, make_token, new_case, problem
from tests.web.test_cases import open_case


def test_a_case_is_opened_found_and_the_same_on_the_page(app: Flask, login: Callable[..., Client]) -> None:
    page = login()
    program = Program(app, make_token(app, 1))
    answer = program.post("/cases", {"patient": " P-Ünal-漢 ", "specimen": "blood", "note": "second visit"})
    assert answer.status_code == 201
    case = answer.get_json()
    assert (case["patient"], case["note"], case["blind"], case["images"]) == ("P-Ünal-漢", "second visit", False, [])
    assert case.pop("warnings") == []
    assert program.ask("GET", answer.location.removeprefix("/api/v1")).get_json() == case
    assert "P-Ünal-漢" in page.get(f"/cases/{case['id']}").text
    other = open_case(page, patient="P-2")
    assert [one["id"] for one in program.get("/cases").get_json()["cases"]] == [other, case["id"]]
    assert [one["id"] for one in program.get("/cases", q="Ünal").get_json()["cases"]] == [case["id"]]
    assert program.get("/cases", q="nobody").get_json() == {"cases": [], "page": 1, "pages": 1, "total": 0,
                                                               "more": False}


@pytest.mark.parametrize(("changes", "field", "words"), [
    ({"patient": "  "}, "patient", "Give a pseudonym"), ({"specimen": ""}, "specimen", "Say what the specimen is"),
    ({"patient": "x" * 81}, "patient", "80"), ({"note": "x" * 2001}, "note", "2000"), ({"notes": ""}, "notes", "")])
def test_a_case_has_the_rules_of_the_form(program: Program, changes: dict[str, str], field: str, words: str) -> None:
    told = problem(program.post("/cases", {"patient": "P-1", "specimen": "blood", **changes}), 422)
    assert words in told["detail"]
    assert field in told["errors"]["json"]


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"until": "2026-01-01", "since": "2026-02-01"},
                                   {"outcome": "hidden"}, {"page": 0}, {"pages": 1}])
def test_a_filter_that_makes_no_sense_is_refused(program: Program, query: dict[str, Any]) -> None:
    problem(program.get("/cases", **query), 422)


def test_a_case_is_opened_blind_where_a_program_or_the_portal_wants_it(app: Flask, program: Program) -> None:
    blinded = new_case(program, blind=True)
    assert program.get(f"/cases/{blinded}").get_json()["blind"] is True
    with app.app_context():
        blind.choose_policy(Actor(), "always")
    assert program.get(f"/cases/{new_case(program, blind=False)}").get_json()["blind"] is True
