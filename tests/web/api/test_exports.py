"""The history as JSON Lines, for programs."""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import Flask

from tests.support import pictures
from tests.support.programs import Program, make_token


def test_the_history_is_told_line_by_line_and_only_ones_own(app: Flask, make_user: Callable[..., int]) -> None:
    one, other = (Program(app, make_token(app, make_user(f"{name}@clinic.example"))) for name in ("one", "two"))
    case_id = one.post("/cases", {"patient": "P-0117", "specimen": "blood"}).get_json()["id"]
    assert one.upload(case_id, ("a.png", pictures.smear())).status_code == 201
    answer = one.get("/export.jsonl", q="P-0117", reviews="all")
    assert answer.mimetype == "application/x-ndjson"
    (line,) = answer.text.splitlines()
    assert json.loads(line)["patient"] == "P-0117"
    assert one.get("/export.jsonl", q="nobody").text == ""
    assert other.get("/export.jsonl").text == ""
    assert one.get("/export.jsonl", outcome="error").status_code == 422
