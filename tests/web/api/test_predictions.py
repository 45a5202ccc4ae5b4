"""Predictions as programs ask for them: whole, filtered, one page after another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal.extensions import db
from portal.storage.tables.columns import now
from portal.storage.tables.readings import Prediction
from tests.support import pictures
from tests.support.programs import Program, listed, new_case, problem, said_by
from tests.web.test_images import only


def test_a_prediction_is_told_with_all_that_belongs_to_it(
        app: Flask, program: Program, case_id: int, scored: dict[str, Any]) -> None:
    told = program.get(f"/predictions/{scored['prediction']}").get_json()
    row = said_by(app, scored["prediction"])
    for name in ("model", "version", "weights_sha256", "outcome", "reason", "label", "scores", "ms"):
        assert told[name] == getattr(row, name), name
    assert (told["file"], told["case"], told["image"]) == ("smear.png", case_id, scored["image"])
    assert (told["demonstration"], told["demonstration_note"], told["reviewed"]) == (False, "", False)
    assert told["created_at"].endswith("+00:00")
    picture = program.ask("GET", told["layers"][0]["url"].removeprefix("/api/v1"))
    assert picture.mimetype == "image/png"
    assert picture.data.startswith(b"\x89PNG")


def test_a_demonstration_is_told_as_one_wherever_its_scores_are(app: Flask, program: Program, case_id: int) -> None:
    verdict = only(program.upload(case_id, ("d.png", pictures.smear(3)), model="isight"))
    if verdict["outcome"] == "refused":
        with app.app_context():
            image_id = verdict["image"]
            row = Prediction(image_id=image_id, model="isight", version="0", weights_sha256="", outcome="scored",
                             label=None, scores={"intensity": None}, demonstration="Only shows that it works.", ms=1)
            db.session.add(row)
            db.session.commit()
            verdict = {"prediction": row.id}
    told = program.get(f"/predictions/{verdict['prediction']}").get_json()
    assert told["demonstration"] is True
    assert told["demonstration_note"]
    lines = [one for image in program.get(f"/cases/{case_id}").get_json()["images"] for one in image["predictions"]]
    assert all(one["demonstration"] is True for one in lines if one["id"] == verdict["prediction"])


def test_predictions_are_filtered(program: Program, case_id: int) -> None:
    first = now().date()
    smear = only(program.upload(case_id, ("a.png", pictures.smear())))["prediction"]
    blank = only(program.upload(case_id, ("b.png", pictures.blank())))["prediction"]
    other_case = new_case(program)
    other = only(program.upload(other_case, ("c.png", pictures.smear(2))))["prediction"]
    program.post(f"/predictions/{smear}/reviews", {"verdict": "agree"})
    assert listed(program) == [other, blank, smear]
    assert listed(program, outcome="refused") == [blank]
    assert listed(program, outcome="hidden") == []
    assert listed(program, case=other_case) == [other]
    assert listed(program, case=987654) == []
    assert listed(program, reviewed="true") == [smear]
    assert listed(program, reviewed="false") == [other, blank]
    assert listed(program, model="leukemia", outcome="scored", since=first, until=now().date()) == [other, smear]
    assert listed(program, model="er") == []
    assert listed(program, since=now().date() + timedelta(days=2)) == []
    assert listed(program, until=first - timedelta(days=2)) == []


def test_the_cursor_walks_through_all_predictions_once(program: Program, case_id: int) -> None:
    made = [only(program.upload(case_id, (f"{seed}.png", pictures.blank(200 + seed))))["prediction"]
            for seed in range(5)]
    walked, query = [], {"limit": 2}
    while True:
        page = program.get("/predictions", **query).get_json()
        walked += [one["id"] for one in page["predictions"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": 2, "cursor": page["next_cursor"]}
    assert walked == made[::-1]


@pytest.mark.parametrize("query", [{"outcome": "error"}, {"reviewed": "yes"}, {"cursor": 0}, {"limit": 201},
                                   {"case": 2**31}, {"modle": "er"}, {"since": "2026-02-01", "until": "2026-01-01"}])
def test_a_question_that_makes_no_sense_is_refused(program: Program, query: dict[str, Any]) -> None:
    problem(program.get("/predictions", **query), 422)
