"""Serial and group: taken from the file's name, shown, corrected, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Image
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

NAMED = "S-3602-10X_Image001_ch00.tif"


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def case_id(reader: Client) -> int:
    return open_case(reader)


def fields(app: Flask, image_id: int) -> tuple[str, str]:
    with app.app_context():
        image = db.session.get_one(Image, image_id)
        return image.serial, image.specimen_group


def corrections(app: Flask) -> list[dict[str, object]]:
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "image.correct"))
        return [event.details for event in events]


def test_both_are_taken_from_the_name_and_shown(app: Flask, reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, (NAMED, pictures.smear())))
    assert fields(app, verdict["image"]) == ("S-3602-01", "S-3602")
    for page in (f"/cases/{case_id}", verdict["url"]):
        assert "S-3602-01" in reader.get(page).text


def test_another_kind_of_name_fills_nothing(app: Flask, reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, ("smear.png", pictures.smear())))
    assert fields(app, verdict["image"]) == ("", "")
    assert "No serial or group" in reader.get(f"/cases/{case_id}").text


def test_a_correction_is_kept_with_what_stood_there_before(app: Flask, reader: Client, case_id: int) -> None:
    image = only(upload(reader, case_id, (NAMED, pictures.smear())))["image"]
    change = {"serial": " S-9-07 ", "specimen_group": "S-9 (Süd)"}
    answer = reader.post(f"/images/{image}/fields", change)
    assert (answer.status_code, answer.location) == (303, f"/cases/{case_id}#image-{image}")
    assert fields(app, image) == ("S-9-07", "S-9 (Süd)")
    reader.post(f"/images/{image}/fields", change)
    assert corrections(app) == [{"case": case_id, "old": {"serial": "S-3602-01", "specimen_group": "S-3602"},
                                 "new": {"serial": "S-9-07", "specimen_group": "S-9 (Süd)"}}]


@pytest.mark.parametrize("bad", ["x" * 41, "<b>", "=cmd|' /C calc'!A0", "two\nlines"])
def test_what_cannot_stand_there_is_said_and_stays_typed(
        app: Flask, reader: Client, case_id: int, bad: str) -> None:
    image = only(upload(reader, case_id, (NAMED, pictures.smear())))["image"]
    answer = reader.post(f"/images/{image}/fields", {"serial": bad, "specimen_group": "kept 7"})
    assert answer.status_code == 422
    assert "kept 7" in answer.text
    assert "The serial has" in answer.text
    assert fields(app, image) == ("S-3602-01", "S-3602")
    assert corrections(app) == []


def test_a_stale_token_brings_the_form_back_with_what_was_typed(reader: Client, case_id: int) -> None:
    image = only(upload(reader, case_id, (NAMED, pictures.smear())))["image"]
    answer = reader.post_without_token(f"/images/{image}/fields", {"serial": "S-typed-01"})
    assert answer.status_code == 400
    assert "S-typed-01" in answer.text


def test_somebody_elses_image_has_no_fields(
        app: Flask, reader: Client, case_id: int, login: Callable[..., Client]) -> None:
    image = only(upload(reader, case_id, (NAMED, pictures.smear())))["image"]
    other = login("other@clinic.example")
    assert reader.get(f"/images/{image}/fields").status_code == 200
    assert other.get(f"/images/{image}/fields").status_code == 404
    assert other.post(f"/images/{image}/fields", {"serial": "stolen"}).status_code == 404
    assert fields(app, image) == ("S-3602-01", "S-3602")


def test_what_looks_like_a_name_is_asked_about_once_and_stands_not_in_the_audit(
        app: Flask, reader: Client, case_id: int) -> None:
    image = only(upload(reader, case_id, (NAMED, pictures.smear())))["image"]
    change = {"serial": "Anna Zebra", "specimen_group": "S-3602"}
    asked = reader.post(f"/images/{image}/fields", change)
    assert (asked.status_code, "person’s name" in asked.text) == (422, True)
    assert fields(app, image) == ("S-3602-01", "S-3602")
    assert reader.post(f"/images/{image}/fields", {**change, "sure": "Somebody | else"}).status_code == 422
    assert reader.post(f"/images/{image}/fields", {**change, "sure": "Anna Zebra | S-3602"}).status_code == 303
    assert fields(app, image) == ("Anna Zebra", "S-3602")
    [told] = corrections(app)
    assert told["looks_like"] == ["name"]
    assert "Zebra" not in str(told)
