"""ER over a slide: core by core the same nuclei as in one image of it, each counted once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.engine import Engine
from models.scoring.ihc import h_score
from models.slides.reading import SLIDE_NOTE, SlideSystem
from models.spec import Finding, Micrograph, Pixels, Reading
from models.zoo import _eye, er
from models.zoo._er import slide as er_slide
from models.zoo._er.cores import Cores
from models.zoo._er.tiles import segment
from tests.unit.models.slides.made import InMemory
from tests.unit.models.test_er import COLOURS, by_colour, run

UM = er.SCALE.wanted
lengths = st.integers(1, 4000)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> SlideSystem:
    passed = (Finding(code="in-domain", message="It belongs."),)
    monkeypatch.setattr(_eye, "check_views", lambda *_given: passed)
    monkeypatch.setattr(_eye, "check", lambda *_given: passed)
    return SlideSystem(reader=er.SLIDES, run=run, threads=2)


def field(height: int, width: int, seed: int = 3, glass: int = 0) -> Pixels:
    """Round nuclei of all classes scattered about, also over every seam; the first `glass` columns empty."""
    rng, classes = np.random.default_rng(seed), np.zeros((height, width), np.uint8)
    y, x = np.mgrid[-12:13, -12:13]
    for _ in range(height * width // 2500):
        radius, kind = rng.integers(6, 12), rng.integers(1, 5)
        top, left = rng.integers(0, height - 25), rng.integers(glass, width - 25)
        disk = y**2 + x**2 <= radius**2
        classes[top : top + 25, left : left + 25][disk] = kind
    return COLOURS[classes]


def read(system: SlideSystem, pixels: Pixels, um_per_px: float | None = UM) -> Reading:
    slide = InMemory(pixels, um_per_px)
    plan = system.plan(slide, um_per_px)
    return system.combine(plan, dict(system.read(slide, plan, range(plan.parts))))


@pytest.mark.parametrize(("height", "width"), [(1400, 1500), (500, 2000), (660, 650), (740, 1310)])
def test_a_slide_has_the_nuclei_of_an_image_of_it(system: SlideSystem, height: int, width: int) -> None:
    pixels = field(height, width)
    as_image = er.read(Micrograph(pixels=pixels, um_per_px=UM), run)
    as_slide = read(system, pixels)
    whole, parts = (Counter((one.x, one.y, one.label) for one in said.nuclei) for said in (as_image, as_slide))
    assert parts == whole
    assert as_slide.label == as_image.label
    assert as_slide.scores == pytest.approx(as_image.scores)
    assert SLIDE_NOTE in as_slide.notes


@given(width=lengths, height=lengths)
def test_every_pixel_is_in_one_core_and_read_exactly(width: int, height: int) -> None:
    cores = Cores(width=width, height=height, factor=1.0)
    for axis, length in enumerate((height, width)):
        place = [0, 0]
        covered: list[int] = []
        for number in range(cores.shape[axis]):
            place[axis] = number
            own, exact = cores.inside((place[0], place[1]))[axis], cores.exact((place[0], place[1]))[axis]
            covered += own
            assert own.start >= exact.start
            assert own.stop <= exact.stop
            assert own.start - exact.start >= 80 or own.start == 0
            assert exact.stop - own.stop >= 80 or exact.stop == length
        assert covered == list(range(length))


@pytest.mark.parametrize(("height", "width"), [(300, 900), (1000, 750), (656, 657), (1230, 240)])
def test_classes_at_a_seam_are_those_of_the_whole(height: int, width: int) -> None:
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)

    def blurred(batch: np.ndarray) -> np.ndarray:
        """Depends on a neighbourhood and on where in the tile it is, as a network does."""
        across = np.linspace(0.5, 1, 256)[None, None, None]
        near = batch + np.roll(batch, 9, axis=2) + np.roll(batch, -9, axis=3) * across
        return by_colour((near / 3).astype(np.float32)) + 0.1 * near.mean(axis=1, keepdims=True).astype(np.float32)

    whole, cores = segment(pixels, blurred), Cores(width=width, height=height, factor=1.0)
    for place in np.ndindex(*cores.shape):
        rows, columns = cores.exact((place[0], place[1]))
        seen, classes = er_slide.segment_core(InMemory(pixels, UM), cores, (place[0], place[1]), blurred)
        assert np.array_equal(classes, whole[rows.start : rows.stop, columns.start : columns.stop])
        assert np.array_equal(seen, pixels[rows.start : rows.stop, columns.start : columns.stop])


def test_square_millimetres_are_listed_by_their_score_and_add_up(system: SlideSystem) -> None:
    empty = COLOURS[np.zeros((1300, 800), np.uint8)]
    pixels = np.concatenate([field(1300, 1400, 1), empty, field(1300, 1400, 2)], axis=1)
    said = read(system, pixels, 0.9)
    values = [region.value for region in said.regions]
    assert values == sorted(values, reverse=True)
    assert sum(region.measures["nuclei"] for region in said.regions) <= said.scores["nuclei"]
    for region in said.regions:
        right, bottom = region.x + region.width, region.y + region.height
        inside = [one for one in said.nuclei if region.x <= one.x < right and region.y <= one.y < bottom]
        assert len(inside) == pytest.approx(region.measures["nuclei"], abs=3)
        assert 0 <= region.value <= 300
        assert h_score(er_slide.counts_of(np.array([4]))) == 300


def test_glass_is_not_read_and_a_slide_of_glass_is_refused(system: SlideSystem) -> None:
    pixels = field(700, 2600, glass=1300)
    plan = system.plan(InMemory(pixels, UM), UM)
    assert 0 < plan.parts < Cores(width=2600, height=700, factor=1.0).shape[1] * 2
    assert read(system, np.full((700, 900, 3), 245, np.uint8)).findings[0].code == "blank"
    assert read(system, pixels, None).findings[0].code == "pixel-size"


def test_too_many_nuclei_are_counted_and_not_kept(system: SlideSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(er_slide, "MOST_NUCLEI", 50)
    said = read(system, field(700, 800))
    assert said.scores["nuclei"] > 50
    assert said.nuclei == ()
    assert any("cannot be counted again" in note for note in said.notes)


@pytest.mark.datasets
def test_a_real_field_says_the_same_as_a_slide(engine: Engine, datasets: Path) -> None:
    path = sorted((datasets / "ihc" / "deepliif_ki67").glob("*_2.png"))[0]
    pixels = np.tile(np.asarray(Image.open(path).convert("RGB")), (2, 2, 1))[:900, :900]
    as_image = engine.read("er", Micrograph(pixels=pixels, um_per_px=UM))
    as_slide = read(engine.slides("er"), pixels)
    assert as_slide.outcome == as_image.outcome == "scored"
    assert as_slide.scores["nuclei"] == pytest.approx(as_image.scores["nuclei"], rel=0.01)
    assert as_slide.scores["h_score"] == pytest.approx(as_image.scores["h_score"], rel=0.01)
