"""Cells with something stained in them are found on a small level; glass and pen are not."""

from __future__ import annotations

import math
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.slides import tissue
from models.slides.foreign import open_foreign
from models.slides.keep import keep
from models.slides.kept import KeptSlide, scaled_region
from models.slides.limits import SlideLimits
from models.slides.tissue import tissue_mask
from models.spec import Pixels
from models.zoo._tiles import has_tissue
from tests.unit.models.slides.made import InMemory

PINK, BLUE_PEN, GREEN_PEN = (220, 150, 190), (20, 60, 170), (20, 150, 70)


def glass(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), (243, 242, 243), np.uint8)


def test_only_cells_that_a_spot_touches_are_tissue() -> None:
    pixels = glass(4000, 3000)
    pixels[1040:1120, 2040:2120] = PINK
    mask = tissue_mask(InMemory(pixels), 0.5, 100)
    assert mask.shape == (15, 20)
    assert {(row, column) for row, column in np.argwhere(mask)} == {(5, 10)}


@pytest.mark.parametrize("pen", [BLUE_PEN, GREEN_PEN])
def test_pen_is_no_tissue(pen: tuple[int, int, int]) -> None:
    pixels = glass(1600, 1600)
    pixels[512:1024, :] = pen
    assert not tissue_mask(InMemory(pixels), 0.5, 256).any()


@pytest.mark.parametrize("size", [(1, 1), (37, 5000), (5000, 37), (200, 200), (201, 200)])
def test_every_part_of_a_slide_lies_in_a_cell(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.full((height, width, 3), PINK, np.uint8)
    mask = tissue_mask(InMemory(pixels), 1.0, 50)
    assert mask.shape == (math.ceil(height / 50), math.ceil(width / 50))
    assert mask.all()


def test_one_band_of_a_slide_is_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the slide's height."""
    made: list[weakref.ref[Pixels]] = []
    alive: list[int] = []

    def watched(*asked: Any) -> Pixels:
        band = scaled_region(*asked)
        made.append(weakref.ref(band))
        alive.append(sum(one() is not None for one in made))
        return band

    monkeypatch.setattr(tissue, "scaled_region", watched)
    assert tissue_mask(InMemory(np.full((9000, 300, 3), PINK, np.uint8)), 2.0, 100).all()
    assert len(made) == 9
    assert max(alive) <= 2, "the one that is looked at, and the next"


@pytest.mark.datasets
def test_what_is_missed_on_a_real_slide_are_specks(datasets: Path, tmp_path: Path) -> None:
    """Against the rule at full scale, any pixel of saturation 0.07 at 0.97 µm, on cells of 93.12 µm."""
    with open_foreign(datasets / "wsi/cmu-1-small-region.svs", SlideLimits()) as slide:
        keep(slide, tmp_path / "kept.tiff", lambda done, total: None)
    with KeptSlide(tmp_path / "kept.tiff") as slide:
        mask = tissue_mask(slide, 0.499, 93.12)
        cell = 93.12 / 0.499
        tiles = {
            (row, column): scaled_region(slide, 0.97, 0.499, column * cell, row * cell, cell, cell)
            for row, column in np.ndindex(mask.shape)
        }
    stained = {place for place, tile in tiles.items() if has_tissue(tile, 0.07)}
    found = {(row, column) for row, column in np.argwhere(mask)}
    assert len(stained & found) / len(stained) > 0.97
    assert len(found) / mask.size < 0.75
    for place in stained - found:
        highest = tiles[place].max(axis=2).astype(np.float32)
        saturation = (highest - tiles[place].min(axis=2)) / np.maximum(highest, 1)
        assert (saturation >= 0.07).sum() < 20
