"""A result, its heat map and its reviews."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.readings import Prediction
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def scored(reader: Client) -> int:
    return int(only(upload(reader, open_case(reader), ("one.png", pictures.smear())))["prediction"])


@pytest.fixture
def refused(reader: Client) -> int:
    return int(only(upload(reader, open_case(reader), ("blank.png", pictures.blank())))["prediction"])


def test_a_result_names_the_version_and_weights_that_said_it(app: Flask, reader: Client, scored: int) -> None:
    spec = app.extensions["engine"].spec("leukemia")
    page = reader.get(f"/predictions/{scored}").text
    assert spec.weights_sha256[:8] in page
    assert "/models/leukemia" in page
    assert all(label.name in page for label in spec.labels)


def test_the_heat_map_has_the_shape_of_the_image(reader: Client, scored: int) -> None:
    answer = reader.get(f"/predictions/{scored}/heatmap.png")
    heat = PillowImage.open(io.BytesIO(answer.data))
    assert answer.mimetype == "image/png"
    alpha = heat.convert("RGBA").getchannel("A")
    assert alpha.getextrema()[0] < alpha.getextrema()[1]
    assert heat.width / heat.height == pytest.approx(4 / 3, rel=0.02)


def test_agreement_takes_an_image_off_the_unreviewed(reader: Client, scored: int) -> None:
    assert "Agree" in reader.get(f"/predictions/{scored}").text
    answer = reader.post(f"/predictions/{scored}/review", {"verdict": "agree"})
    assert (answer.status_code, answer.location) == (303, f"/predictions/{scored}")
    assert "Reader" in reader.get(f"/predictions/{scored}").text


def test_an_override_keeps_what_the_model_said(app: Flask, reader: Client, scored: int) -> None:
    with app.app_context():
        said = db.session.get_one(Prediction, scored).label
    other = "Pro" if said != "Pro" else "Pre"
    reader.post(f"/predictions/{scored}/review", {"verdict": "override", "label": other, "reason": "nucleoli seen"})
    assert "nucleoli seen" in reader.get(f"/predictions/{scored}").text
    assert f"Read as {other}" in reader.get("/").text
    with app.app_context():
        prediction = db.session.get_one(Prediction, scored)
        assert prediction.label == said
        assert [review.label for review in prediction.reviews] == [other]


def test_a_second_review_stands_beside_the_first(app: Flask, reader: Client, scored: int) -> None:
    for verdict in ("agree", "cannot-judge"):
        reader.post(f"/predictions/{scored}/review", {"verdict": verdict})
    with app.app_context():
        prediction = db.session.scalar(select(Prediction).where(Prediction.id == scored))
        assert prediction is not None
        assert [review.verdict for review in prediction.reviews] == ["agree", "cannot-judge"]


def test_an_override_without_a_reason_comes_back_with_what_was_chosen(reader: Client, scored: int) -> None:
    answer = reader.post(f"/predictions/{scored}/review", {"verdict": "override", "label": "Benign", "reason": ""})
    assert answer.status_code == 400
    assert "override" in answer.text or "agree" in answer.text


def test_a_refused_image_can_be_read_by_hand_and_never_agreed_with(
        app: Flask, reader: Client, refused: int) -> None:
    assert reader.post(f"/predictions/{refused}/review", {"verdict": "agree"}).status_code == 400
    answer = reader.post(f"/predictions/{refused}/review", {"verdict": "override", "label": "Benign"})
    assert answer.status_code == 303
    with app.app_context():
        prediction = db.session.get_one(Prediction, refused)
        assert prediction.label is None
        assert prediction.reviews[0].label == "Benign"


def test_the_worklist_puts_what_nobody_reviewed_first(reader: Client) -> None:
    case_id = open_case(reader)
    ids = [only(upload(reader, case_id, (f"image-{seed}.png", pictures.smear(seed=seed))))["prediction"]
           for seed in (1, 2)]
    reader.post(f"/predictions/{ids[1]}/review", {"verdict": "cannot-judge"})
    page = reader.get("/").text
    assert page.index("image-1.png") < page.index("image-2.png")
