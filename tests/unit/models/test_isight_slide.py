"""A core read as a slide answers what it answers as an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.engine import Engine
from models.slides.reading import SLIDE_NOTE, SlideSystem
from models.spec import Finding, Micrograph, Pixels, Reading
from models.zoo import _eye, isight
from models.zoo._isight import slide as isight_slide
from tests.unit.models.slides.made import InMemory


def read(system: SlideSystem, pixels: Pixels) -> Reading:
    slide = InMemory(pixels, None)
    plan = system.plan(slide, None)
    return system.combine(plan, dict(system.read(slide, plan, range(plan.parts))))


@pytest.fixture
def _open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = (Finding(code="in-domain", message="It belongs."),)
    monkeypatch.setattr(_eye, "check_views", lambda *_given: passed)


def stained(height: int, width: int) -> Pixels:
    rng = np.random.default_rng(8)
    pixels = np.full((height, width, 3), 246, np.uint8)
    y, x = np.mgrid[:height, :width]
    inside = ((y - height / 2) / height) ** 2 + ((x - width / 2) / width) ** 2 < 0.2
    pixels[inside] = rng.integers(60, 200, (int(inside.sum()), 3))
    return pixels


@pytest.mark.usefixtures("_open_gate")
def test_a_core_has_the_same_answers_map_and_regions_as_an_image(engine: Engine) -> None:
    pixels = stained(1500, 1700)
    as_image = engine.read("isight", Micrograph(pixels=pixels))
    as_slide = read(engine.slides("isight"), pixels)
    assert SLIDE_NOTE in as_slide.notes
    assert as_image.outcome == as_slide.outcome == "scored"
    for key in isight.TRAINED:
        assert as_slide.scores[key] == pytest.approx(as_image.scores[key], abs=1e-4)
    assert as_slide.scores["tissue"] is None
    for mine, other in zip(as_slide.layers, as_image.layers, strict=True):
        assert np.abs(mine.values - other.values).max() < 1e-4
    assert [(one.x, one.y) for one in as_slide.regions] == [(one.x, one.y) for one in as_image.regions]


def test_glass_and_whole_sections_are_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    system = engine.slides("isight")
    assert read(system, np.full((900, 900, 3), 250, np.uint8)).findings[0].code == "no-tissue"
    monkeypatch.setattr(isight_slide, "MOST_PIXELS", 100_000)
    said = read(system, stained(500, 500))
    assert (said.outcome, said.findings[0].code, "Cut a region out" in said.reason) == ("refused", "too-large", True)


@pytest.mark.datasets
def test_a_real_core_says_the_same_gate_and_all(engine: Engine, datasets: Path) -> None:
    path = sorted(datasets.glob("hpa/hpa_core_*.png"))[0]
    pixels = np.asarray(Image.open(path).convert("RGB"))
    as_image, as_slide = engine.read("isight", Micrograph(pixels=pixels)), read(engine.slides("isight"), pixels)
    assert as_slide.outcome == as_image.outcome
    for key in isight.TRAINED if as_image.outcome == "scored" else ():
        assert as_slide.scores[key] == pytest.approx(as_image.scores[key], abs=1e-4)
