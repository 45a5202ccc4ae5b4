"""`POST /images/<id>/read`: whose slide it is, by what it can be read, and what is said when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction
from tests.support import pictures, slides
from tests.support.client import Client
from tests.support.dropped_in import drop_in
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

JSON = {"Accept": "application/json"}


@pytest.fixture
def reader(app: Flask, tmp_path: Path, login: Callable[..., Client]) -> Client:
    drop_in(app, tmp_path / "dropped-in")
    return login()


@pytest.fixture
def slide_id(app: Flask, reader: Client) -> int:
    return slides.keep_slide(app, open_case(reader), slides.painted(1300, 700))


def jobs_of(app: Flask) -> list[Job]:
    with app.app_context():
        return list(db.session.scalars(select(Job)))


def test_a_reader_has_a_slide_read_and_finds_the_answer_in_the_case(app: Flask, reader: Client, slide_id: int) -> None:
    answer = reader.post(f"/images/{slide_id}/read", {"model": "rainbow"})
    assert answer.status_code == 303
    slides.work(app)
    page = reader.get(answer.location).text
    assert "Rainbow of test scores" in page
    with app.app_context():
        prediction = db.session.scalars(select(Prediction)).one()
        result = prediction.id
    page = reader.get(f"/predictions/{result}").text
    assert "On whole slides nothing was measured" in page
    assert "Demonstration" in page
    for layer in (f"/predictions/{result}/heatmap.png", f"/predictions/{result}/layers/heatmap.png?side=2"):
        assert reader.get(layer).data.startswith(b"\x89PNG")


def test_read_blind_a_finished_job_tells_nothing_of_what_the_model_said(app: Flask, reader: Client) -> None:
    """Neither a refused slide nor a scored one: their records are the same."""
    case_id = open_case(reader)
    with app.app_context():
        db.session.get_one(Case, case_id).blind = True
        db.session.commit()
    told = []
    for size in ((1300, 700), (60, 36)):
        slide_id = slides.keep_slide(app, case_id, slides.painted(*size))
        job = reader.post(f"/images/{slide_id}/read", {"model": "rainbow"}, headers=JSON).get_json()["job"]
        slides.work(app)
        shown = reader.get(f"/jobs/{job}", headers=JSON).get_json()
        told.append({name: shown[name] for name in ("state", "done", "total", "percent", "note")})
    with app.app_context():
        assert {one.outcome for one in db.session.scalars(select(Prediction))} == {"scored", "refused"}
    assert told == [{"state": "done", "done": 1, "total": 1, "percent": 100, "note": ""}] * 2


def test_a_box_becomes_an_image_of_the_case(app: Flask, reader: Client, slide_id: int) -> None:
    box = {"x": "100", "y": "50.4", "width": "400", "height": "300"}
    answer = reader.post(f"/images/{slide_id}/read", {"model": "rainbow", **box}, headers=JSON)
    assert answer.status_code == 202
    slides.work(app)
    with app.app_context():
        image = db.session.scalars(select(Image).where(Image.cut_from_id == slide_id)).one()
        assert image.cut_box == [100, 50, 400, 300]
        assert db.session.get_one(Job, answer.get_json()["job"]).result["image"] == image.id


@pytest.mark.parametrize(("form", "said"), [
    ({"model": "leukemia"}, "Cut a region out"),
    ({"model": "no-such"}, "Choose one of the systems"),
    ({}, "Choose one of the systems"),
    ({"model": "rainbow", "x": "0", "y": "0", "width": "9000", "height": "100"}, "inside the slide"),
    ({"model": "rainbow", "x": "nan", "y": "0", "width": "90", "height": "100"}, "inside the slide"),
    ({"model": "rainbow", "x": "1", "y": "", "width": "90", "height": "100"}, "inside the slide"),
    ({"model": "rainbow", "x": "1e400", "y": "0", "width": "90", "height": "100"}, "inside the slide"),
])
def test_what_cannot_be_read_is_told_in_a_sentence(
    app: Flask, reader: Client, slide_id: int, form: dict[str, str], said: str
) -> None:
    answer = reader.post(f"/images/{slide_id}/read", form, headers=JSON)
    assert (answer.status_code, said in answer.get_json()["reason"]) == (422, True)
    assert said in reader.get(reader.post(f"/images/{slide_id}/read", form).location).text
    assert jobs_of(app) == []


def test_an_ordinary_image_is_no_slide(reader: Client) -> None:
    verdict: dict[str, Any] = only(upload(reader, open_case(reader), ("a.png", pictures.encode(draw_smear(3)))))
    answer = reader.post(f"/images/{verdict['image']}/read", {"model": "rainbow"}, headers=JSON)
    assert (answer.status_code, "no whole slide" in answer.get_json()["reason"]) == (422, True)


def test_somebody_elses_slide_is_not_there(
    app: Flask, reader: Client, slide_id: int, login: Callable[..., Client]
) -> None:
    stranger = login("stranger@clinic.example")
    assert stranger.post(f"/images/{slide_id}/read", {"model": "rainbow"}).status_code == 404
    assert stranger.post("/images/999/read", {"model": "rainbow"}).status_code == 404
    assert jobs_of(app) == []
