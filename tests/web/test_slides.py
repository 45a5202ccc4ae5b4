"""A slide on the screen: its tiles, its parts, its scale, and who may see them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction
from tests.support.client import Client
from tests.support.slides import kept_slide, layered_reading, painted, slide, work
from tests.web.test_cases import open_case
from tests.web.test_deliveries import deliver
from tests.web.test_images import only, upload


def picture(data: bytes) -> PillowImage.Image:
    return PillowImage.open(io.BytesIO(data))


@pytest.fixture
def reader(app: Flask, login: Callable[..., Client]) -> Client:
    """With one slide of 1500 × 1100 pixels, image 1 in case 1."""
    client = login()
    kept_slide(app, open_case(client))
    return client


def test_a_tile_is_shown_as_it_is_kept(reader: Client) -> None:
    answer = reader.get("/images/1/tiles/2/1_0.jpg")

    shown = np.asarray(picture(answer.data).convert("RGB")).astype(int)
    assert answer.mimetype == "image/jpeg"
    assert np.abs(shown - painted(1500, 1100)[:512, 512:1024]).mean() < 3


def test_the_smallest_level_is_one_tile(reader: Client) -> None:
    assert reader.get("/images/1/tiles/0/0_0.jpg").status_code == 200


@pytest.mark.parametrize("tile", ["3/0_0", "2/3_0", "2/0_3", "0/1_0", "99999999999/0_0", "2/-1_0"])
def test_a_tile_that_there_is_not_is_404(reader: Client, tile: str) -> None:
    assert reader.get(f"/images/1/tiles/{tile}.jpg").status_code == 404


def test_a_tile_that_the_browser_holds_is_not_sent_again(reader: Client) -> None:
    first = reader.get("/images/1/tiles/0/0_0.jpg")
    again = reader.get("/images/1/tiles/0/0_0.jpg", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"].startswith("private")
    assert (again.status_code, again.data) == (304, b"")


def test_a_part_is_bounded_in_pixels(reader: Client) -> None:
    whole = picture(reader.get("/images/1/region.jpg").data)
    small = picture(reader.get("/images/1/region.jpg?x=100&y=200&width=400&height=200&side=100").data)
    greedy = picture(reader.get("/images/1/region.jpg?side=999999").data)

    assert whole.size == (1024, 751)
    assert small.size == (100, 50)
    assert greedy.size == whole.size


def test_a_part_that_reaches_over_the_edge_is_what_lies_on_the_slide(reader: Client) -> None:
    part = picture(reader.get("/images/1/region.jpg?x=1400&y=1000&width=900&height=900").data)
    assert part.size == (100, 100)


@pytest.mark.parametrize("query", ["x=1500&y=0&width=10&height=10", "x=0&y=0&width=0&height=5",
                                   "x=0&y=0&width=-5&height=5"])
def test_a_part_beside_the_slide_is_404(reader: Client, query: str) -> None:
    assert reader.get(f"/images/1/region.jpg?{query}").status_code == 404


def test_nobody_elses_slide_is_there(reader: Client, login: Callable[..., Client]) -> None:
    other = login("other@clinic.example")

    for path in ("slide", "tiles/0/0_0.jpg", "region.jpg", "annotations.geojson", "thumbnail", "file"):
        assert other.get(f"/images/1/{path}").status_code == 404, path


def test_an_image_has_no_tiles(login: Callable[..., Client]) -> None:
    client = login()
    only(upload(client, open_case(client), ("a.png", slide_free())))

    assert client.get("/images/1/slide").status_code == 404
    assert client.get("/images/1/tiles/0/0_0.jpg").status_code == 404


def slide_free() -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(painted(300, 300)).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_page_leads_step_by_step_without_scripts(reader: Client) -> None:
    page = reader.get("/images/1/slide").text
    closer = reader.get("/images/1/slide?x=375&y=275&width=750&height=550").text

    assert "x=375&amp;y=275&amp;width=750&amp;height=550" in page
    assert "Further away" in closer
    assert "To the left" in closer


def test_the_kept_slide_can_be_taken_away(reader: Client) -> None:
    answer = reader.get("/images/1/file")

    assert answer.headers["Content-Disposition"] == "attachment; filename=slide-1.tif"
    assert answer.data[:4] == b"II\x2b\0"


def test_a_pixel_size_is_kept_and_the_reading_begins(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    deliver(reader, open_case(reader), slide(um_per_px=None))
    work(app)
    assert "how large its pixels are" in reader.get("/cases/1").text

    answer = reader.post("/images/1/slide", {"um_per_px": "0,25", "model": "pcam"})

    assert answer.status_code == 303
    with app.app_context():
        image = db.session.scalar(select(Image))
        assert image is not None
        assert image.um_per_px == 0.25
        params = db.session.scalar(select(Job.params).where(Job.kind == "slide-reading"))
        assert params == {"image": 1, "model": "pcam", "version": "1"}


@pytest.mark.parametrize(("typed", "model", "words"), [
    ("0.001", "", "0.05 to 20 µm"), ("21", "", "0.05 to 20 µm"), ("a lot", "", "Give a number"),
    ("0.5", "leukemia", "Not a valid choice")])
def test_what_makes_no_sense_is_refused_with_a_sentence(reader: Client, typed: str, model: str, words: str) -> None:
    answer = reader.post("/images/1/slide", {"um_per_px": typed, "model": model})

    assert answer.status_code == 422
    assert words in answer.text


def test_the_same_reading_is_not_asked_for_twice(app: Flask, reader: Client) -> None:
    for _ in range(2):
        reader.post("/images/1/slide", {"um_per_px": "0.5", "model": "pcam"})

    with app.app_context():
        assert len(db.session.scalars(select(Job).where(Job.kind == "slide-reading")).all()) == 1


def test_a_scale_that_a_reading_rests_on_stays(app: Flask, reader: Client) -> None:
    layered_reading(app, 1)

    answer = reader.post("/images/1/slide", {"um_per_px": "0.25", "model": ""})

    assert answer.status_code == 422
    assert "cannot be changed" in answer.text


def test_a_scale_stays_while_a_system_reads_the_slide_with_it(app: Flask, reader: Client) -> None:
    reader.post("/images/1/slide", {"um_per_px": "0.5", "model": "pcam"})

    answer = reader.post("/images/1/slide", {"um_per_px": "0.25", "model": ""})

    assert answer.status_code == 422
    assert "A system is reading this slide" in answer.text
    assert reader.post("/images/1/slide", {"um_per_px": "0.5", "model": ""}).status_code == 303, "no other size"
    reader.post("/jobs/1/cancel")
    assert reader.post("/images/1/slide", {"um_per_px": "0.25", "model": ""}).status_code == 303
    with app.app_context():
        assert db.session.scalar(select(Image.um_per_px)) == 0.25


def test_layers_and_regions_of_a_reading_lie_over_the_slide(app: Flask, reader: Client) -> None:
    number = layered_reading(app, 1)

    for page in (reader.get("/images/1/slide").text, reader.get(f"/predictions/{number}").text):
        assert f"/predictions/{number}/layers/map.png" in page
        assert "/images/1/region.jpg?x=200&amp;y=300&amp;width=256&amp;height=256" in page
        for form in ("csv", "geojson"):
            assert f'href="/predictions/{number}/regions.{form}"' in page
    assert reader.get(f"/predictions/{number}/layers/map.png").mimetype == "image/png"
    assert reader.get(f"/predictions/{number}/regions/1.png").mimetype == "image/png"


def test_in_a_case_read_blind_nothing_of_the_model_is_on_the_slide(app: Flask, reader: Client) -> None:
    number = layered_reading(app, 1, blind=True)

    page = reader.get("/images/1/slide").text

    assert "layers/map.png" not in page
    assert "Suspicious" not in page
    assert "Read this slide" in page
    assert reader.get(f"/predictions/{number}/layers/map.png").status_code == 404


def test_a_slide_stands_in_the_report(app: Flask, reader: Client) -> None:
    layered_reading(app, 1)

    assert reader.get("/cases/1/report.pdf").data.startswith(b"%PDF")


def test_no_more_slides_stay_open_than_allowed(app: Flask, reader: Client) -> None:
    slides = app.extensions["slides"]
    slides._most = 1
    kept_slide(app, 1, seed=2)

    for number in (1, 2, 1, 2):
        assert reader.get(f"/images/{number}/tiles/0/0_0.jpg").status_code == 200
    assert len(slides._held) == 1


def test_a_prediction_is_not_needed_to_look(app: Flask, reader: Client) -> None:
    with app.app_context():
        assert db.session.scalar(select(Prediction)) is None
    assert "Overview of" in reader.get("/images/1/slide").text
