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
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case
from portal.storage.tables.readings import Prediction, Review
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
    assert "Nobody has read" not in reader.get(f"/predictions/{veiled}").text
    assert "Hidden until you read it" in reader.get("/cases").text
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


@pytest.mark.parametrize(("chosen", "sent", "starts"), [
    ("off", {}, False), ("off", {"asked": "yes", "blind": "y"}, True), ("default", {"asked": "yes"}, False),
    ("default", {"asked": "yes", "blind": "y"}, True), ("always", {"asked": "yes"}, True), ("always", {}, True)])
def test_the_form_asks_and_a_script_that_does_not_know_of_it_gets_the_default(
        app: Flask, reader: Client, chosen: str, sent: dict[str, str], starts: bool) -> None:
    with app.app_context():
        blind.choose_policy(Actor(), chosen)
    answer = reader.post("/cases/new", {"patient": "P-1", "specimen": "blood", **sent})
    with app.app_context():
        assert db.session.get_one(Case, int(answer.location.rpartition("/")[2])).blind is starts


@pytest.mark.parametrize(("chosen", "box"), [("off", "unticked"), ("default", "ticked"), ("always", "none")])
def test_the_form_shows_what_was_chosen(app: Flask, reader: Client, chosen: str, box: str) -> None:
    with app.app_context():
        blind.choose_policy(Actor(), chosen)
    found = re.search(r'<input[^>]*name="blind"[^>]*>', reader.get("/cases/new").text)
    assert ("none" if found is None else "ticked" if "checked" in found.group() else "unticked") == box


def test_a_form_that_fails_keeps_the_box_as_it_was_left(app: Flask, reader: Client) -> None:
    with app.app_context():
        blind.choose_policy(Actor(), "default")
    answer = reader.post("/cases/new", {"patient": "", "specimen": "blood", "asked": "yes"})
    assert answer.status_code == 400
    assert not re.search(r'<input[^>]*checked[^>]*name="blind"', answer.text)


def test_switching_off_asks_says_so_and_reveals(
        app: Flask, reader: Client, blind_case: int, veiled: int) -> None:
    said = said_by_the_model(app, veiled)
    asked = reader.get(f"/cases/{blind_case}/blind/end").text
    assert "reveals" in asked
    assert said not in visible(reader.get(f"/predictions/{veiled}").text)
    assert reader.post(f"/cases/{blind_case}/blind/end").status_code == 303
    assert said in visible(reader.get(f"/predictions/{veiled}").text)
    assert reader.get(f"/cases/{blind_case}/blind/end").status_code == 303
    with app.app_context():
        event = db.session.query(AuditEvent).filter_by(action="case.blind").one()
        assert (event.subject, event.details) == (f"case:{blind_case}", {"old": True, "new": False})


def test_where_every_case_is_blind_nobody_switches_it_off(app: Flask, reader: Client, blind_case: int) -> None:
    with app.app_context():
        blind.choose_policy(Actor(), "always")
    assert "Switch it off" not in reader.get(f"/cases/{blind_case}").text
    reader.post(f"/cases/{blind_case}/blind/end")
    assert "an administrator has chosen so" in reader.get(f"/cases/{blind_case}").text
    with app.app_context():
        assert db.session.get_one(Case, blind_case).blind


def test_what_was_once_open_is_hidden_again_but_never_counts_as_blind(app: Flask, reader: Client) -> None:
    case_id = open_case(reader)
    seen = int(only(upload(reader, case_id, ("one.png", pictures.smear())))["prediction"])
    reader.post(f"/cases/{case_id}/blind/start")
    unseen = int(only(upload(reader, case_id, ("two.png", pictures.smear(2))))["prediction"])
    for prediction in (seen, unseen):
        assert "Read the image first" in reader.get(f"/predictions/{prediction}").text
        reader.post(f"/predictions/{prediction}/review", {"verdict": "override", "label": "Pro"})
    with app.app_context():
        reviews = db.session.query(Review).order_by(Review.prediction_id)
        assert [(one.prediction_id, one.blind) for one in reviews] == [(seen, False), (unseen, True)]


def test_who_came_after_the_switch_reads_blind(app: Flask, reader: Client, login: Callable[..., Client]) -> None:
    case_id = open_case(reader)
    prediction = int(only(upload(reader, case_id, ("one.png", pictures.smear())))["prediction"])
    reader.post(f"/cases/{case_id}/blind/start")
    late = login("late@clinic.example")
    with app.app_context():
        late_id = db.session.query(User).filter_by(email="late@clinic.example").one().id
    reader.post(f"/cases/{case_id}/readers", {"reader": str(late_id)})
    for client in (reader, late):
        client.post(f"/predictions/{prediction}/review", {"verdict": "override", "label": "Pro"})
    with app.app_context():
        assert [one.blind for one in db.session.query(Review).order_by(Review.id)] == [False, True]


def test_the_audit_tells_a_blind_administrator_nothing(app: Flask, login: Callable[..., Client]) -> None:
    chief = login("chief@clinic.example", "admin")
    with app.app_context():
        blind.choose_policy(Actor(), "default")
        chief_id = db.session.query(User).one().id
    owner = login("owner@clinic.example")
    case_id = open_case(owner)
    prediction = int(only(upload(owner, case_id, ("one.png", pictures.smear())))["prediction"])
    blank = int(only(upload(owner, case_id, ("blank.png", pictures.blank())))["prediction"])
    said = said_by_the_model(app, prediction)
    owner.post(f"/predictions/{prediction}/review", {"verdict": "override", "label": "Pro"})
    owner.post(f"/cases/{case_id}/readers", {"reader": str(chief_id)})
    for search in ("", "review", "image.read", "prediction:"):
        shown = chief.get("/admin/audit", query_string={"q": search}).text
        for told in (f": {said}", ": Pro", "override", ": scored", ": refused"):
            assert told not in shown, (search, told)
    for one in (prediction, blank):
        chief.post(f"/predictions/{one}/review", {"verdict": "cannot-judge"})
    shown = chief.get("/admin/audit").text
    assert f"model_label: {said}" in shown
    assert "outcome: refused" in shown


def test_a_refused_image_looks_like_a_scored_one_until_it_is_read(reader: Client, blind_case: int) -> None:
    blank = int(only(upload(reader, blind_case, ("blank.png", pictures.blank())))["prediction"])
    scored = int(only(upload(reader, blind_case, ("one.png", pictures.smear())))["prediction"])
    differs = r"\d+|blank|one|<time.*?</time>|(value|nonce)=\"[^\"]*\""
    pages_of = [re.sub(differs, "", reader.get(f"/predictions/{one}").text) for one in (blank, scored)]
    assert pages_of[0] == pages_of[1]
    assert reader.get("/cases?outcome=refused").text.count("row-link") == 0


@pytest.mark.parametrize("sent", [
    {"verdict": "agree"}, {"verdict": "agree", "label": "Pro"}, {"verdict": "override"},
    {"verdict": "override", "label": "nothing"}, {}])
def test_a_reading_that_fails_tells_nothing(
        app: Flask, reader: Client, veiled: int, sent: dict[str, str]) -> None:
    answer = reader.post(f"/predictions/{veiled}/review", sent)
    assert answer.status_code == 400
    shown = re.sub(r"(?s)<select.*?</select>", "", answer.text)
    assert said_by_the_model(app, veiled) not in shown
    assert "the model gave" not in shown.lower()
    assert not re.search(r"\d\.\d %", shown)


def test_the_administrator_chooses_the_policy(app: Flask, login: Callable[..., Client]) -> None:
    chief = login("chief@clinic.example", "admin")
    chosen = re.findall(r'<input[^>]*name="policy"[^>]*>', chief.get("/admin/choices").text)
    assert ["checked" in one for one in chosen] == [True, False, False]
    assert chief.post("/admin/choices", {"policy": "sometimes"}).status_code == 400
    assert chief.post("/admin/choices", {"policy": "always"}).status_code == 303
    with app.app_context():
        assert blind.policy() == "always"
        event = db.session.query(AuditEvent).filter_by(action="choice.change").one()
        assert (event.subject, event.details) == ("choice:blind-first", {"old": "off", "new": "always"})
