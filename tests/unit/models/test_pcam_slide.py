"""PCam over a slide: the tiles of an image of the same pixels, glass left out, and places that share no tile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.engine import Engine
from models.slides.foreign import open_foreign
from models.slides.keep import keep
from models.slides.kept import KeptSlide
from models.slides.limits import SlideLimits
from models.slides.reading import SLIDE_NOTE, SlideSystem
from models.spec import Finding, Micrograph, Pixels, Reading
from models.zoo import _eye, pcam
from models.zoo._pcam import rules, tiles
from models.zoo._pcam.neighbourhoods import strongest
from models.zoo._pcam.network import SIDE
from models.zoo._tiles import highest_window
from tests.unit.models.slides.made import InMemory

UM = rules.UM_PER_PX
PINK, RED = (200, 120, 160), (250, 60, 60)


def redness(graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Stands for the graph: the probability is how much redder than green a patch is."""
    assert graph == "predict"
    images = inputs["image"]
    return {"probability": (images[:, 0] - images[:, 1]).mean(axis=(1, 2))}


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> SlideSystem:
    """With a gate that lets everything pass."""
    monkeypatch.setattr(_eye, "check_views", lambda *_: (Finding(code="in-domain", message="It belongs."),))
    return SlideSystem(reader=pcam.SLIDES, run=redness, threads=2)


def tissue(rows: int, columns: int, hot: list[tuple[int, int]], glass: list[tuple[int, int]]) -> Pixels:
    """Whole tiles of pink at 0.97 µm per pixel, some red, some glass."""
    pixels = np.full((rows * SIDE, columns * SIDE, 3), PINK, np.uint8)
    for places, colour in ((hot, RED), (glass, (243, 243, 243))):
        for row, column in places:
            pixels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = colour
    return pixels


def read(system: SlideSystem, pixels: Pixels, um_per_px: float | None = UM) -> Reading:
    slide = InMemory(pixels, um_per_px)
    plan = system.plan(slide, um_per_px)
    return system.combine(plan, dict(system.read(slide, plan, range(plan.parts))))


def test_a_slide_is_read_on_the_tiles_of_an_image(system: SlideSystem) -> None:
    hot, glass = [(3, 4), (3, 5), (4, 4), (11, 12)], [(row, 0) for row in range(20)]
    pixels = tissue(20, 17, hot, glass)
    said = read(system, pixels)
    assert said.tiles is not None
    assert {tuple(place) for place in np.argwhere(said.layers[0].values > 0.5)} == set(hot)
    assert {tuple(place) for place in np.argwhere(np.isnan(said.tiles.values))} == set(glass)
    assert said.scores["tiles"] == 20 * 17 - len(glass)
    read_of_it = ~np.isnan(said.tiles.values)
    assert said.scores["slide_score"] == pytest.approx(highest_window(said.layers[0].values, read_of_it))
    assert SLIDE_NOTE in said.notes


def test_an_image_and_a_slide_of_the_same_pixels_say_the_same(
    system: SlideSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_eye, "check", lambda *_: (Finding(code="in-domain", message="It belongs."),))
    rng = np.random.default_rng(5)
    pixels = rng.integers(60, 200, (700, 900, 3)).astype(np.uint8)
    for um_per_px in (0.25, 0.5, UM, 1.2):
        as_image = pcam.read(Micrograph(pixels=pixels, um_per_px=um_per_px), redness)
        as_slide = read(system, pixels, um_per_px)
        assert as_slide.tiles is not None
        assert as_image.tiles is not None
        assert np.abs(as_image.tiles.values - as_slide.tiles.values).max() < 0.01
        assert as_image.tiles.lefts == as_slide.tiles.lefts


def test_every_part_has_its_share_and_none_has_a_tile_twice(system: SlideSystem) -> None:
    slide = InMemory(tissue(30, 26, [], []), UM)
    plan = system.plan(slide, UM)
    places = [tuple(place) for number in range(plan.parts) for place in tiles.part_of(plan.arrays["places"], number)]
    assert len(set(places)) == len(places) == 30 * 26
    assert plan.parts == -(-30 * 26 // tiles.PART)


@pytest.mark.parametrize(("um_per_px", "code"), [(None, "pixel-size"), (0.01, "pixel-size"), (0.1, "too-small")])
def test_what_has_no_scale_or_no_size_is_refused(system: SlideSystem, um_per_px: float | None, code: str) -> None:
    said = read(system, tissue(4, 4, [], []), um_per_px)
    assert (said.outcome, said.findings[0].code, dict(said.scores)) == ("refused", code, {})


def test_glass_alone_is_refused(system: SlideSystem) -> None:
    assert read(system, np.full((900, 900, 3), 243, np.uint8)).findings[0].code == "blank"


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 14), columns=st.integers(1, 14), seed=st.integers(0, 999))
def test_listed_places_share_no_tile_and_begin_with_the_slide_score(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, seen = rng.random((rows, columns)).astype(np.float32) ** 2, rng.random((rows, columns)) < 0.8
    seen[0, 0] = True
    values[~seen] = 0
    found = strongest(values, seen, 12, 0.3, 0.8)
    covered = np.zeros(values.shape, int)
    for one in found:
        covered[one.first[0] : one.last[0] + 1, one.first[1] : one.last[1] + 1] += 1
        assert one.highest <= values.max()
    assert covered.max() == 1
    assert 1 <= len(found) <= 12
    if highest_window(values, seen) >= 0.3:
        assert found[0].mean == pytest.approx(highest_window(values, seen))


def test_a_lone_hot_tile_is_listed_behind_the_hot_places() -> None:
    values = np.zeros((20, 20), np.float32)
    values[2:5, 2:5], values[15, 15] = 0.7, 0.95
    found = strongest(values, np.ones(values.shape, np.bool_), 12, 0.53, 0.43)
    assert [one.middle for one in found] == [(3, 3), (15, 15)]


@pytest.mark.datasets
def test_a_real_slide_says_nearly_what_its_image_says(engine: Engine, datasets: Path, tmp_path: Path) -> None:
    source = tmp_path / "region.svs"
    source.write_bytes((datasets / "wsi" / "cmu-1-small-region.svs").read_bytes())
    with open_foreign(source, SlideLimits()) as foreign:
        keep(foreign, tmp_path / "kept.tif", lambda _done, _total: None)
        pixels, um_per_px = foreign.region(0, 0, 0, foreign.width, foreign.height), foreign.um_per_px
    system = engine.slides("pcam")
    with KeptSlide(tmp_path / "kept.tif") as slide:
        plan = system.plan(slide, um_per_px)
        as_slide = system.combine(plan, dict(system.read(slide, plan, range(plan.parts))))
    as_image = engine.read("pcam", Micrograph(pixels=pixels, um_per_px=um_per_px))
    assert (as_slide.outcome, as_slide.label) == (as_image.outcome, as_image.label)
    assert as_slide.tiles is not None
    assert as_image.tiles is not None
    apart = np.abs(as_slide.tiles.values - as_image.tiles.values)
    assert np.nanmax(apart) < 0.15
    assert as_slide.scores["slide_score"] == pytest.approx(as_image.scores["slide_score"], abs=0.05)
