"""What programs ask of the portal: the same cases, images, predictions and reviews as on its pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.services import blind
from portal.services.audit import Actor
from portal.storage import access, work_items
from portal.storage.tables import ApiToken, AuditEvent, Case, Prediction, Review, User, now
from tests.support import pictures
from tests.support.client import Client
from tests.support.programs import Program, make_token
from tests.web.test_cases import open_case
from tests.web.test_images import only

READER = "reader@clinic.example"


@pytest.fixture
def enter(app: Flask, make_user: Callable[..., int]) -> Callable[..., Program]:
    """Makes an account and a program that holds a token of it."""
    return lambda email=READER, role="clinician": Program(app, make_token(app, make_user(email, role)))


@pytest.fixture
def program(enter: Callable[..., Program]) -> Program:
    return enter()


@pytest.fixture
def case_id(program: Program) -> int:
    return new_case(program)


@pytest.fixture
def scored(program: Program, case_id: int) -> dict[str, Any]:
    """The verdict on a smear."""
    return only(program.upload(case_id, ("smear.png", pictures.smear())))


def new_case(program: Program, **changes: Any) -> int:
    answer = program.post("/cases", {"patient": "P-0117", "specimen": "blood", **changes})
    assert answer.status_code == 201
    return int(answer.get_json()["id"])


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """A failure as RFC 9457 wants it."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    told: dict[str, Any] = answer.get_json()
    assert told["status"] == status
    assert told["request_id"] != "-"
    assert {"type", "title", "detail"} <= told.keys()
    return told


def listed(program: Program, **query: Any) -> list[int]:
    answer = program.get("/predictions", **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.get_json()["predictions"]]


def said_by(app: Flask, prediction_id: int) -> Prediction:
    with app.app_context():
        return db.session.get_one(Prediction, prediction_id)


# ---- who may ask ----

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


def test_what_a_program_does_is_audited_under_its_person(app: Flask, program: Program, case_id: int) -> None:
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "case.create")).one()
        assert event.actor is not None
        assert (event.actor.email, event.subject) == (READER, f"case:{case_id}")


# ---- failures ----

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


# ---- models ----

def test_the_catalogue_names_every_model_and_what_may_be_scored_by_hand(app: Flask, program: Program) -> None:
    rows = {one["key"]: one for one in program.get("/models").get_json()["models"]}
    assert set(rows) == {spec.key for spec in app.extensions["engine"].specs()}
    model = program.get("/models/er").get_json()
    spec = app.extensions["engine"].spec("er")
    assert [one["name"] for one in model["labels"]] == [one.name for one in spec.labels]
    assert model["weights_sha256"] == spec.weights_sha256
    assert rows["isight"]["demonstration"] is True
    assert rows["isight"]["demonstration_note"]
    assert rows["leukemia"]["demonstration"] is False


# ---- cases ----

def test_a_case_is_opened_found_and_the_same_on_the_page(app: Flask, login: Callable[..., Client]) -> None:
    page = login()
    program = Program(app, make_token(app, 1))
    answer = program.post("/cases", {"patient": " P-Ünal-漢 ", "specimen": "blood", "note": "second visit"})
    assert answer.status_code == 201
    case = answer.get_json()
    assert (case["patient"], case["note"], case["blind"], case["images"]) == ("P-Ünal-漢", "second visit", False, [])
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


# ---- images ----

def test_an_image_is_read_kept_and_answered_as_on_the_page(
        app: Flask, program: Program, case_id: int, scored: dict[str, Any]) -> None:
    again = program.upload(case_id, ("smear.png", pictures.smear()))
    assert again.status_code == 200
    assert only(again) == {**scored, "existing": True}
    prediction = said_by(app, scored["prediction"])
    assert (scored["label"], scored["scores"]) == (prediction.label, prediction.scores)
    case = program.get(f"/cases/{case_id}").get_json()
    assert [(one["id"], [line["id"] for line in one["predictions"]]) for one in case["images"]] == [
        (scored["image"], [scored["prediction"]])]
    file = program.get(f"/images/{scored['image']}/file")
    assert file.mimetype == "image/png"
    assert program.ask("GET", f"/images/{scored['image']}/file",
                       headers={"If-None-Match": file.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(("name", "data", "status"), [
    ("notes.jpg", b"just some text\n" * 40, 415), ("huge.png", pictures.huge_png(), 413),
    ("heavy.png", b"\x89PNG\r\n\x1a\n" + b"\0" * (4 * 2**20 + 1), 413),
    ("cut.jpg", pictures.smear(kind="JPEG")[:9000], 422)])
def test_a_file_that_cannot_be_read_is_a_problem_with_its_verdict(
        program: Program, case_id: int, name: str, data: bytes, status: int) -> None:
    told = problem(program.upload(case_id, (name, data)), status)
    assert [(one["file"], one["outcome"]) for one in told["files"]] == [(name, "error")]
    assert told["detail"] == told["files"][0]["reason"]


def test_of_several_files_each_has_its_verdict(program: Program, case_id: int) -> None:
    answer = program.upload(case_id, ("a.png", pictures.smear()), ("b.jpg", b"text"), ("c.png", pictures.blank()))
    assert answer.status_code == 200
    assert [one["outcome"] for one in answer.get_json()["files"]] == ["scored", "error", "refused"]


@pytest.mark.parametrize("fields", [{"model": "none"}, {"um_per_px": "wide"}, {"um_per_px": "-1"}])
def test_an_upload_that_breaks_a_rule_keeps_nothing(program: Program, case_id: int, fields: dict[str, str]) -> None:
    problem(program.upload(case_id, ("a.png", pictures.smear()), **fields), 422)
    assert program.get(f"/cases/{case_id}").get_json()["images"] == []


def test_an_upload_without_files_is_refused(program: Program, case_id: int) -> None:
    problem(program.upload(case_id), 422)


def test_a_large_body_is_only_read_for_whom_it_belongs_to(app: Flask, program: Program, case_id: int) -> None:
    """Without a token the answer comes before the body is looked at."""
    problem(Program(app, "sr_guess").upload(case_id, ("a.png", b"\0" * 3_000_000)), 401)
    assert problem(program.upload(case_id, ("a.png", b"\0" * 3_000_000)), 415)["files"]


# ---- predictions ----

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
    smear = only(program.upload(case_id, ("a.png", pictures.smear())))["prediction"]
    blank = only(program.upload(case_id, ("b.png", pictures.blank())))["prediction"]
    other_case = new_case(program)
    other = only(program.upload(other_case, ("c.png", pictures.smear(2))))["prediction"]
    program.post(f"/predictions/{smear}/reviews", {"verdict": "agree"})
    today = now().date()
    assert listed(program) == [other, blank, smear]
    assert listed(program, outcome="refused") == [blank]
    assert listed(program, outcome="hidden") == []
    assert listed(program, case=other_case) == [other]
    assert listed(program, case=987654) == []
    assert listed(program, reviewed="true") == [smear]
    assert listed(program, reviewed="false") == [other, blank]
    assert listed(program, model="leukemia", outcome="scored", since=today, until=today) == [other, smear]
    assert listed(program, model="er") == []
    assert listed(program, since=today + timedelta(days=2)) == []
    assert listed(program, until=today - timedelta(days=2)) == []


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


# ---- reviews ----

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


# ---- others' things ----

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


# ---- the blind veil ----

def test_a_blind_reader_is_told_nothing_before_the_first_reading_and_all_after(app: Flask, program: Program) -> None:
    case_id = new_case(program, blind=True)
    verdict = only(program.upload(case_id, ("a.png", pictures.smear())))
    path = f"/predictions/{verdict['prediction']}"
    row = said_by(app, verdict["prediction"])
    hidden = program.get(path).get_json()
    assert (hidden["outcome"], hidden["label"], hidden["scores"], hidden["ms"]) == ("hidden", None, {}, None)
    assert (hidden["findings"], hidden["layers"], hidden["regions"], hidden["notes"]) == ([], [], [], [])
    told = [program.get(one).text for one in ("/predictions", path, f"/cases/{case_id}", "/cases", f"{path}/reviews")]
    for text in (*told, json.dumps(verdict)):
        assert f'"{row.label}"' not in text
        assert '"scored"' not in text
    assert listed(program, outcome="scored") == listed(program, outcome="refused") == []
    assert listed(program, outcome="hidden") == [row.id]
    problem(program.get(f"{path}/layers/heatmap.png"), 404)
    problem(program.post(f"{path}/reviews", {"verdict": "agree"}), 422)
    given = program.post(f"{path}/reviews", {"verdict": "override", "label": row.label})
    assert (given.get_json()["verdict"], given.get_json()["blind"]) == ("agree", True)
    assert program.get(path).get_json()["label"] == row.label
    assert listed(program, outcome="scored") == [row.id]
    assert program.get(f"{path}/layers/heatmap.png").status_code == 200


def test_what_a_colleague_read_is_hidden_too(app: Flask, program: Program, enter: Callable[..., Program]) -> None:
    case_id = new_case(program, blind=True)
    path = f"/predictions/{only(program.upload(case_id, ('a.png', pictures.smear())))['prediction']}"
    colleague = enter("two@clinic.example")
    with app.app_context():
        access.add_reader(case_id, 2, 1)
        work_items.add_for_reader(case_id, 2)
        db.session.commit()
    program.post(f"{path}/reviews", {"verdict": "cannot-judge", "reason": "out of focus"})
    assert colleague.get(f"{path}/reviews").get_json() == {"reviews": []}
    assert colleague.get(path).get_json()["outcome"] == "hidden"
    colleague.post(f"{path}/reviews", {"verdict": "cannot-judge"})
    assert [one["mine"] for one in colleague.get(f"{path}/reviews").get_json()["reviews"]] == [False, True]
