"""An account that sends or takes away too much within an hour is told so, and administrators see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.services import sightings
from portal.services.slides import deliveries
from portal.services.slides.recognise import HEAD_BYTES
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Delivery, Image
from portal.storage.tables.columns import now
from portal.views import spending
from tests.support import pictures
from tests.support.client import Client
from tests.support.programs import Program, make_token, problem
from tests.web.test_cases import open_case
from tests.web.test_deliveries import begin
from tests.web.test_images import rows, upload
from tests.web.test_metrics import told

SLIDE = b"II*\0" + bytes(2 * HEAD_BYTES)
"""Begins as one does; the rest is never asked for."""
HALF_PAST = datetime(2026, 3, 1, 14, 30)
SENT = ("Your account may send 2 files within an hour, and this would be more. "
        "Nothing of what was sent just now was kept.")
AT_ONCE = ("You sent 3 files at once, and your account may send 2 within an hour. Nothing of what was sent just now "
           "was kept. Send fewer at a time; your administrator can change the limit.")
TAKEN = "Your account may take away 2 exports within an hour, and this would be more."
WAIT = " Wait 30 minutes; your administrator can change the limit."


@pytest.fixture(autouse=True)
def two_an_hour(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hour begins in the middle of a test."""
    app.extensions["settings"] = replace(app.extensions["settings"], uploads_an_hour=2, exports_an_hour=2)
    monkeypatch.setattr(spending, "now", lambda: HALF_PAST)


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


def test_too_many_files_are_refused_as_a_whole_and_the_script_is_told_why(app: Flask, reader: Client) -> None:
    case_id = open_case(reader)
    assert upload(reader, case_id, ("a.png", pictures.blank(1))).status_code == 201
    answer = upload(reader, case_id, ("b.png", pictures.blank(2)), ("c.png", pictures.blank(3)))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1800")
    assert answer.get_json()["reason"] == SENT + WAIT
    assert rows(app, Image) == 1
    assert upload(reader, case_id, ("b.png", pictures.blank(2))).status_code == 201
    page = upload(reader, case_id, ("c.png", pictures.blank(3)), as_json=False)
    assert (page.status_code, page.headers["Retry-After"]) == (429, "1800")
    assert SENT + WAIT in page.text
    assert rows(app, Image) == 2


def test_who_sends_more_at_once_than_an_hour_takes_is_not_told_to_wait(app: Flask, reader: Client) -> None:
    case_id = open_case(reader)
    three = [(f"{number}.png", pictures.blank(1 + number)) for number in range(3)]
    answers = [upload(reader, case_id, *three), Program(app, make_token(app, 1)).upload(case_id, *three)]
    assert [one.status_code for one in answers] == [429, 429]
    assert all("Retry-After" not in one.headers for one in answers)
    assert [answers[0].get_json()["reason"], problem(answers[1], 429)["detail"]] == [AT_ONCE, AT_ONCE]
    page = upload(reader, case_id, *three, as_json=False)
    assert AT_ONCE in page.text
    assert rows(app, Image) == 0


def test_a_token_counts_to_its_owner_and_is_told_as_programs_are(
        app: Flask, reader: Client, make_user: Callable[..., int]) -> None:
    case_id = open_case(reader)
    upload(reader, case_id, ("a.png", pictures.blank(1)))
    program = Program(app, make_token(app, 1))
    assert program.upload(case_id, ("b.png", pictures.blank(2))).status_code == 201
    answer = program.upload(case_id, ("c.png", pictures.blank(3)))
    assert problem(answer, 429)["detail"] == SENT + WAIT
    assert answer.headers["Retry-After"] == "1800"
    other = Program(app, make_token(app, make_user("other@clinic.example")))
    own = other.post("/cases", {"patient": "P-0117", "specimen": "blood"}).get_json()["id"]
    assert other.upload(own, ("c.png", pictures.blank(3))).status_code == 201


def test_slides_count_when_their_sending_begins(app: Flask, reader: Client) -> None:
    case_id = open_case(reader)
    for number in range(2):
        upload(reader, case_id, (f"{number}.png", pictures.blank(1 + number)))
    answer = begin(reader, case_id, SLIDE)
    assert (answer.status_code, answer.get_json()["reason"]) == (429, SENT + WAIT)
    assert rows(app, Delivery) == 0


def test_a_slide_that_goes_on_is_not_counted_again(reader: Client) -> None:
    case_id = open_case(reader)
    for name in ("a.svs", "b.svs"):
        assert begin(reader, case_id, SLIDE, name=name).status_code == 201
    for name in ("a.svs", "b.svs"):
        assert begin(reader, case_id, SLIDE, name=name).status_code == 200
    assert begin(reader, case_id, SLIDE, name="c.svs").status_code == 429


def test_a_slide_that_is_refused_is_not_counted(app: Flask, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = open_case(reader)
    for _ in range(3):
        assert begin(reader, case_id, bytes(len(SLIDE))).status_code == 415
    with monkeypatch.context() as full:
        full.setattr(deliveries, "MOST_UNFINISHED", 0)
        assert begin(reader, case_id, SLIDE).status_code == 409
    with monkeypatch.context() as full:
        full.setattr(deliveries, "SPARE_BYTES", 10**18)
        assert begin(reader, case_id, SLIDE).status_code == 507
    for name in ("a.svs", "b.svs"):
        assert begin(reader, case_id, SLIDE, name=name).status_code == 201


@pytest.mark.parametrize("way", ["/cases/export.csv", "/cases/export.jsonl", "/cases/export.xlsx",
                                 "/training-sets/pancreas.zip", "POST /cases/export", "POST /training-sets/pancreas"])
def test_what_takes_many_cases_away_is_counted_together(reader: Client, way: str) -> None:
    for _ in range(2):
        assert reader.get("/cases/export.csv").status_code == 200
    method, _, address = way.rpartition(" ")
    answer = reader.post(address) if method else reader.get(address)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1800")
    assert TAKEN + WAIT in answer.text


def test_programs_exports_are_counted_with_the_pages(app: Flask, reader: Client) -> None:
    program = Program(app, make_token(app, 1))
    reader.get("/cases/export.csv")
    assert program.get("/export.jsonl").status_code == 200
    assert problem(program.get("/export.jsonl"), 429)["detail"] == TAKEN + WAIT


@pytest.mark.parametrize("way", ["/admin/audit.csv", "/admin/audit.jsonl", "POST /admin/pseudonym/export"])
def test_administrators_have_a_limit_too(login: Callable[..., Client], way: str) -> None:
    chief = login("chief@clinic.example", role="admin")
    for _ in range(2):
        assert chief.get("/admin/audit.csv").status_code == 200
    method, _, address = way.rpartition(" ")
    assert (chief.post(address, {"patient": "P-1"}) if method else chief.get(address)).status_code == 429


def test_administrators_see_that_a_limit_was_reached_and_by_whom(
        app: Flask, reader: Client, login: Callable[..., Client]) -> None:
    chief = login("chief@clinic.example", role="admin")
    assert "Limits" not in chief.get("/admin/system").text
    before = told(chief).get("secondread_limits_reached_total{'what': 'exports'}", 0)
    for _ in range(3):
        reader.get("/cases/export.csv")
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "limit.refuse")).one()
        assert event.actor_id == 1
        assert event.details == {"status": 429, "page": "exports.history_csv", "limit": "exports"}
    assert told(chief)["secondread_limits_reached_total{'what': 'exports'}"] == before + 1
    page = chief.get("/admin/system").text
    assert "1 request was refused today" in page
    assert 'href="/admin/audit?action=limit.refuse"' in page
    assert "reader@clinic.example" in chief.get("/admin/audit?action=limit.refuse").text


@pytest.mark.parametrize("others", [sightings.REFUSALS_OF_ONE, sightings.REFUSALS_OF_ALL])
def test_nobody_hides_a_reached_limit_behind_other_refusals(app: Flask, reader: Client, others: int) -> None:
    for _ in range(others):
        app.extensions["sightings"].count_refusal((1, "127.0.0.1"), now())
        app.extensions["sightings"].count_refusal((), now())
    assert reader.get("/cases/1000").status_code == 404
    for _ in range(2 + sightings.REFUSALS_OF_ONE + 1):
        reader.get("/cases/export.csv")
    with app.app_context():
        held = db.session.scalars(select(AuditEvent).where(AuditEvent.action.endswith(".refuse"))).all()
    assert [one.action for one in held] == ["limit.refuse"] * sightings.REFUSALS_OF_ONE
    assert "more" in held[-1].details
