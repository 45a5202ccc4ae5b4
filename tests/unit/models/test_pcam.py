"""The served PCam system: one patch, larger images tile by tile, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.engine import Engine
from models.spec import Finding, Micrograph, Pixels, Reading
from models.zoo import _eye, pcam
from models.zoo._pcam import rules
from models.zoo._pcam.network import SIDE
from tests.unit.models.pictures import flat, noise


@pytest.fixture
def admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that lets everything pass, for the rules behind it."""
    monkeypatch.setattr(_eye, "check", lambda *_: (Finding(code="in-domain", message="It belongs."),))


lengths = st.integers(130, 500)
SMEARS = ("leukemia/*/*.jpg", "out_of_domain/healthy_lymphocytes/*.jpg")
IMMUNOSTAINS = ("ihc/*/*_[0-9].png", "hpa/hpa_core_*.png")


def redness(graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Stands for the graph: the probability is the mean red of a patch."""
    assert graph == "predict"
    images = inputs["image"]
    assert images.dtype == np.float32
    assert images.shape[1:] == (3, SIDE, SIDE)
    assert len(images) <= rules.BATCH
    heat = np.zeros((len(images), 12, 12), dtype=np.float32)
    return {"probability": images[:, 0].mean(axis=(1, 2)), "heatmap": heat}


def tissue(rows: int, columns: int, hot: list[tuple[int, int]]) -> Pixels:
    """Tiles of blue at 0.97 µm per pixel, those at `hot` red."""
    pixels = np.full((rows * SIDE, columns * SIDE, 3), (20, 20, 200), dtype=np.uint8)
    for row, column in hot:
        pixels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = (250, 10, 10)
    return pixels


def read_large(pixels: Pixels, um_per_px: float = rules.UM_PER_PX) -> Reading:
    return pcam.read(Micrograph(pixels=pixels, um_per_px=um_per_px), redness)


@pytest.mark.usefixtures("admitted")
def test_a_patch_is_scored_without_a_pixel_size_and_without_slide_scores() -> None:
    reading = pcam.read(Micrograph(pixels=tissue(1, 1, [(0, 0)])), redness)
    assert (reading.outcome, reading.label) == ("scored", "metastatic")
    assert list(reading.scores) == ["non-metastatic", "metastatic"]
    assert sum(reading.scores.values()) == pytest.approx(1)
    assert reading.layers[0].values.shape == (12, 12)


@pytest.mark.usefixtures("admitted")
def test_a_larger_image_answers_with_a_map_of_its_tiles() -> None:
    hot = [(row, column) for row in (2, 3, 4) for column in (5, 6, 7)]
    reading = read_large(tissue(6, 9, hot))
    assert reading.label == "metastatic"
    assert reading.scores["tiles"] == 54
    assert reading.scores["slide_score"] == reading.scores["metastatic"] == pytest.approx(250 / 255, abs=1e-6)
    heat = reading.layers[0].values
    assert heat.shape == (6, 9)
    assert {tuple(place) for place in np.argwhere(heat > 0.5)} == set(hot)
    assert {(region.y // SIDE, region.x // SIDE) for region in reading.regions} == set(hot)


@pytest.mark.usefixtures("admitted")
def test_one_tile_alone_makes_no_slide_metastatic_but_is_shown_first() -> None:
    reading = read_large(tissue(6, 9, [(1, 1)]))
    assert reading.label == "non-metastatic"
    assert (reading.regions[0].x, reading.regions[0].y) == (SIDE, SIDE)
    assert reading.regions[0].value == pytest.approx(250 / 255, abs=1e-6)


@pytest.mark.usefixtures("admitted")
@settings(max_examples=25, deadline=None)
@given(height=lengths, width=lengths, um_per_px=st.floats(0.75, 1.5), seed=st.integers(0, 9))
def test_any_size_gives_regions_inside_the_image_the_most_suspicious_first(
    height: int, width: int, um_per_px: float, seed: int
) -> None:
    reading = read_large(noise(seed, (height, width)), um_per_px)
    assert reading.outcome == "scored"
    assert reading.scores["tiles"] == reading.layers[0].values.size
    assert 1 <= len(reading.regions) <= rules.MOST_REGIONS
    values = [region.value for region in reading.regions]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(float(reading.layers[0].values.max()))
    for region in reading.regions:
        assert 0 <= region.x < region.x + region.width <= width
        assert 0 <= region.y < region.y + region.height <= height


@pytest.mark.usefixtures("admitted")
def test_glass_is_not_read() -> None:
    pixels = np.full((4 * SIDE, 4 * SIDE, 3), 243, dtype=np.uint8)
    pixels[:SIDE, :SIDE] = (20, 20, 200)
    reading = read_large(pixels)
    assert reading.scores["tiles"] == 1
    assert np.count_nonzero(reading.layers[0].values) == 1


def test_glass_alone_is_refused() -> None:
    reading = read_large(flat((243, 243, 243)))
    assert (reading.outcome, reading.findings[0].code) == ("refused", "blank")


@pytest.mark.parametrize("um_per_px", [None, 0.0, -1.0, 1e-9, 0.09, 1.51, 40.0, float("nan"), float("inf")])
def test_a_missing_or_absurd_pixel_size_is_refused(um_per_px: float | None) -> None:
    reading = pcam.read(Micrograph(pixels=noise(shape=(400, 300)), um_per_px=um_per_px), redness)
    assert (reading.outcome, reading.findings[0].code) == ("refused", "pixel-size")
    assert not reading.scores


def test_a_field_smaller_than_a_patch_is_refused() -> None:
    reading = read_large(noise(shape=(200, 200)), 0.2)
    assert (reading.outcome, reading.findings[0].code) == ("refused", "too-small")


@pytest.mark.datasets
def test_a_tile_is_read_as_the_same_pixels_are_read_alone(engine: Engine, datasets: Path) -> None:
    """Four real patches side by side at their own scale, against each of them by itself."""
    patches = real_patches(datasets, 40)[:4]
    whole = np.concatenate([np.concatenate(patches[:2], axis=1), np.concatenate(patches[2:], axis=1)])
    large = engine.read("pcam", Micrograph(pixels=whole, um_per_px=rules.UM_PER_PX))
    assert large.outcome == "scored"
    alone = [engine.read("pcam", Micrograph(pixels=patch)) for patch in patches]
    for chance, reading in zip(large.layers[0].values.flat, alone, strict=True):
        if reading.outcome == "scored":
            assert float(chance) == pytest.approx(reading.scores["metastatic"], abs=1e-5)
    mean = float(large.layers[0].values.mean())
    assert large.scores["slide_score"] == pytest.approx(mean, abs=1e-5)


def real_patches(datasets: Path, step: int) -> list[Pixels]:
    paths = sorted((datasets / "pcam" / "images").glob("*.webp"))[::step]
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


@pytest.mark.datasets
def test_real_patches_pass_the_gate(engine: Engine, datasets: Path) -> None:
    readings = [engine.read("pcam", Micrograph(pixels=patch)) for patch in real_patches(datasets, 60)]
    assert np.mean([reading.outcome == "scored" for reading in readings]) >= 0.95


@pytest.mark.datasets
@pytest.mark.parametrize("pattern", [*SMEARS, *IMMUNOSTAINS])
def test_other_stains_and_smears_are_refused(engine: Engine, datasets: Path, pattern: str) -> None:
    paths = sorted(datasets.glob(pattern))
    chosen = [np.asarray(Image.open(path).convert("RGB")) for path in paths[:: max(1, len(paths) // 12)]]
    said = [engine.read("pcam", Micrograph(pixels=pixels, um_per_px=0.5)).outcome for pixels in chosen]
    assert said.count("refused") >= 0.9 * len(said)


@pytest.mark.datasets
def test_a_slide_region_is_read_tile_by_tile(engine: Engine, datasets: Path) -> None:
    with Image.open(datasets / "wsi" / "cmu-1-small-region.svs") as slide:
        pixels = np.asarray(slide.convert("RGB"))
    reading = engine.read("pcam", Micrograph(pixels=pixels, um_per_px=0.499))
    assert reading.outcome == "scored"
    assert reading.layers[0].values.shape == (16, 12)
    assert 0 < reading.scores["tiles"] <= 16 * 12
    assert reading.notes
