"""Blind-first reading: before a reader's own reading no page, picture or answer tells what the model said."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from portal.extensions import db
from portal.services import blind
from portal.services.audit import Actor
from portal.services.errors import NotChosen
from portal.storage.tables import Case, Prediction, Review
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def blind_case(app: Flask, reader: Client) -> int:
    with app.app_context():
        blind.choose_policy(Actor(), "default")
    return open_case(reader)


@pytest.fixture
def veiled(reader: Client, blind_case: int) -> int:
    return int(only(upload(reader, blind_case, ("one.png", pictures.smear())))["prediction"])


def said_by_the_model(app: Flask, prediction_id: int) -> str:
    with app.app_context():
        return str(db.session.get_one(Prediction, prediction_id).label)


def pages(case_id: int, prediction_id: int) -> list[str]:
    return ["/", "/cases", f"/cases/{case_id}", f"/predictions/{prediction_id}", f"/predictions/{prediction_id}/review"]


def visible(html: str) -> str:
    """Without the review form, which lists every class."""
    return html.partition('<form method="post" action="/predictions/')[0]


def test_the_upload_tells_no_answer(reader: Client, blind_case: int) -> None:
    for _ in range(2):
        verdict = only(upload(reader, blind_case, ("one.png", pictures.smear())))
        assert verdict["outcome"] == "hidden"
        assert (verdict["label"], verdict["scores"], verdict["ms"], verdict["summary"]) == (None, {}, None, "")
    refused = only(upload(reader, blind_case, ("blank.png", pictures.blank())))
    assert (refused["outcome"], refused["reason"]) == ("hidden", "")


def test_no_page_tells_the_answer_before_the_first_reading_and_all_do_after(
        app: Flask, reader: Client, blind_case: int, veiled: int) -> None:
    said = said_by_the_model(app, veiled)
    for page in pages(blind_case, veiled):
        shown = visible(reader.get(page).text)
        assert f">{said}<" not in shown, page
        assert not re.search(r"\d\.\d %", shown), page
    for picture in ("heatmap.png", "layers/heatmap.png", "regions/1.png"):
        assert reader.get(f"/predictions/{veiled}/{picture}").status_code == 404
    assert reader.get("/cases?outcome=scored").text.count("row-link") == 0
    reader.post(f"/predictions/{veiled}/review", {"verdict": "cannot-judge"})
    assert reader.get(f"/predictions/{veiled}/heatmap.png").status_code == 200
    assert reader.get("/cases?outcome=scored").text.count("row-link") == 1
    for page in pages(blind_case, veiled)[:4]:
        assert said in visible(reader.get(page).text), page


@pytest.mark.parametrize("agrees", [True, False])
def test_a_blind_reading_is_compared_and_needs_no_reason(
        app: Flask, reader: Client, veiled: int, agrees: bool) -> None:
    said = said_by_the_model(app, veiled)
    label = said if agrees else next(one for one in ("Pro", "Pre") if one != said)
    assert reader.post(f"/predictions/{veiled}/review", {"verdict": "agree"}).status_code == 400
    answer = reader.post(f"/predictions/{veiled}/review", {"verdict": "override", "label": label})
    assert answer.status_code == 303
    with app.app_context():
        review = db.session.query(Review).one()
        assert (review.blind, review.label, review.verdict) == (True, label, "agree" if agrees else "override")
    reader.post(f"/predictions/{veiled}/review", {"verdict": "agree"})
    with app.app_context():
        assert [one.blind for one in db.session.query(Review).order_by(Review.id)] == [True, False]


@pytest.mark.parametrize(("chosen", "wanted", "starts"), [
    ("off", None, False), ("off", True, True), ("default", None, True), ("default", False, False),
    ("always", False, True)])
def test_the_administrators_choice_decides_how_a_case_starts(
        app: Flask, chosen: str, wanted: bool | None, starts: bool) -> None:
    with app.app_context():
        blind.choose_policy(Actor(), chosen)
        assert blind.starts_blind(wanted) is starts


def test_a_choice_that_is_none_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(NotChosen):
        blind.choose_policy(Actor(), "sometimes")


def test_cases_opened_before_stay_as_they_were(app: Flask, reader: Client) -> None:
    case_id = open_case(reader)
    with app.app_context():
        blind.choose_policy(Actor(), "always")
        assert not db.session.get_one(Case, case_id).blind
