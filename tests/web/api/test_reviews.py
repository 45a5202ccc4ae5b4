"""Reviews that programs add, under the rules of the form."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.readings import Prediction, Review
from tests.support import pictures
from tests.support.programs import READER, Program, problem
from tests.web.test_images import only


def test_a_review_is_added_and_listed_and_earlier_ones_stay(
        app: Flask, program: Program, scored: dict[str, Any]) -> None:
    path = f"/predictions/{scored['prediction']}/reviews"
    first = program.post(path, {"verdict": "agree"})
    assert first.status_code == 201
    assert (first.get_json()["label"], first.get_json()["mine"]) == (scored["label"], True)
    label = next(one for one in ("Pro", "Pre") if one != scored["label"])
    second = program.post(path, {"verdict": "override", "label": label, "reason": " blasts "})
    assert (second.get_json()["label"], second.get_json()["reason"]) == (label, "blasts")
    told = program.get(path).get_json()["reviews"]
    assert told == [first.get_json(), second.get_json()]
    assert program.get(f"/predictions/{scored['prediction']}").get_json()["reviewed"] is True
    with app.app_context():
        assert [one.reader.email for one in db.session.scalars(select(Review))] == [READER, READER]


@pytest.mark.parametrize(("body", "words"), [
    ({}, "verdict"), ({"verdict": "maybe"}, "verdict"), ({"verdict": "override"}, "Choose the class that you read."),
    ({"verdict": "override", "label": "Grave"}, "Choose the class that you read."),
    ({"verdict": "agree", "scores": {"h_score": 100}}, "h_score"), ({"verdict": "agree", "reason": "x" * 2001}, "2000"),
    ({"verdict": "agree", "scores": {"h_score": True}}, "h_score"),
    ({"verdict": "agree", "reader_id": 1}, "reader_id")])
def test_a_review_has_the_rules_of_the_form(
        app: Flask, program: Program, scored: dict[str, Any], body: dict[str, Any], words: str) -> None:
    told = problem(program.post(f"/predictions/{scored['prediction']}/reviews", body), 422)
    assert words in told["detail"]
    with app.app_context():
        assert db.session.scalars(select(Review)).all() == []


def test_scores_are_given_by_hand_under_the_rules_of_the_system(app: Flask, program: Program, case_id: int) -> None:
    image = only(program.upload(case_id, ("a.png", pictures.smear())))["image"]
    with app.app_context():
        row = Prediction(image_id=image, model="pancreas", version=app.extensions["engine"].spec("pancreas").version,
                         weights_sha256="", outcome="refused", reason="Out of domain.", ms=1)
        db.session.add(row)
        db.session.commit()
        path = f"/predictions/{row.id}/reviews"
    given = {"architecture": 1.25, "atrophy": 2, "complexes": 0, "fibrosis": 0.5}
    off_step = problem(program.post(path, {"verdict": "override", "scores": {**given, "atrophy": 0.3}}), 422)
    assert "steps" in off_step["detail"]
    answer = program.post(path, {"verdict": "override", "scores": given})
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["scores"]["total"] == pytest.approx(sum(given.values()))
