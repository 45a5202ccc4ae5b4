"""A box cut out of a slide becomes an ordinary image with the slide's own pixels, read like any other."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import select

from models.slides.kept import KeptSlide
from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotChosen
from portal.services.slides import reading
from portal.services.slides.regions import Box
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction
from tests.support import slides
from tests.support.dropped_in import drop_in

BOX = (300, 200, 640, 320)


@pytest.fixture
def owner(app: Flask, tmp_path: Path, make_user: Callable[..., int]) -> int:
    drop_in(app, tmp_path / "dropped-in")
    return make_user()


@pytest.fixture
def slide_id(app: Flask, owner: int) -> int:
    with app.app_context():
        case_id = slides.open_case(owner)
    return slides.keep_slide(app, case_id, slides.painted(1500, 900))


def ask(app: Flask, owner: int, slide_id: int, box: Box = BOX) -> int:
    parts = app.extensions
    most = parts["settings"].max_image_pixels
    return reading.ask(parts["carrier"], audit.Actor(user_id=owner), parts["engine"], slide_id, "rainbow", box, most)


def cut_images() -> list[Image]:
    return list(db.session.scalars(select(Image).where(Image.kind == "image")))


def pixels_of(app: Flask, image: Image) -> np.ndarray:
    held = app.extensions["files"].read(image.stored_as)
    return np.asarray(PillowImage.open(io.BytesIO(held)))


def test_a_region_is_an_image_of_its_own_with_the_slides_pixels(app: Flask, owner: int, slide_id: int) -> None:
    with app.app_context():
        job_id = ask(app, owner, slide_id)
        slides.work(app)
        (image,), slide = cut_images(), db.session.get_one(Image, slide_id)
        assert (image.cut_from_id, image.cut_box, image.um_per_px) == (slide_id, list(BOX), 0.5)
        assert (image.case_id, image.width, image.height) == (slide.case_id, 640, 320)
        assert image.name.startswith("region of node.svs")
        with KeptSlide(app.extensions["files"].local(slide.stored_as)) as kept:
            assert np.array_equal(pixels_of(app, image), kept.region(0, *BOX))
        prediction = db.session.scalars(select(Prediction)).one()
        assert (prediction.image_id, prediction.outcome, prediction.evidence["um_per_px"]) == (image.id, "scored", 0.5)
        assert db.session.get_one(Job, job_id).result == {"prediction": prediction.id, "image": image.id}


def test_the_same_box_again_is_the_same_image(app: Flask, owner: int, slide_id: int) -> None:
    with app.app_context():
        first = ask(app, owner, slide_id)
        slides.work(app)
        second = ask(app, owner, slide_id)
        slides.work(app)
        assert db.session.get_one(Job, first).result == db.session.get_one(Job, second).result
        assert len(cut_images()) == 1


def test_a_box_over_the_limit_is_read_at_the_scale_that_the_system_wants(
    app: Flask, owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], max_image_pixels=100_000)
    with app.app_context():
        fine = slides.keep_slide(app, slides.open_case(owner), slides.painted(1500, 900), um_per_px=0.25)
        ask(app, owner, fine, (0, 0, 640, 480))
        slides.work(app)
        (image,) = cut_images()
        assert (image.width, image.height, image.um_per_px) == (320, 240, 0.5)
        with pytest.raises(NotChosen, match="million pixels"):
            ask(app, owner, fine, (0, 0, 1500, 900))


@pytest.mark.parametrize("box", [(-1, 0, 64, 64), (0, 0, 31, 64), (1490, 0, 64, 64), (0, 880, 64, 64), (0, 0, 0, 0)])
def test_a_box_that_is_none_is_refused(app: Flask, owner: int, slide_id: int, box: Box) -> None:
    with app.app_context(), pytest.raises(NotChosen, match="inside the slide"):
        ask(app, owner, slide_id, box)
