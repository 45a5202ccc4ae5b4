"""Tiles cover an image of any size, never leave it, and hold exactly its pixels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.imaging.resize import scaled
from models.zoo._tiles import Tiling, has_tissue, highest_window, spread_out, starts
from tests.unit.models.pictures import noise

sides = st.integers(1, 200)


@given(length=st.integers(1, 100_000), side=sides)
def test_tiles_cover_a_length_and_stay_in_it(length: int, side: int) -> None:
    if length < side:
        with pytest.raises(ValueError, match="too few"):
            starts(length, side)
        return
    begins = starts(length, side)
    assert all(0 <= begin <= length - side for begin in begins)
    assert len(begins) == -(-length // side)
    if len(begins) > 1:
        assert (begins[0], begins[-1]) == (0, length - side)
        assert all(0 < after - before <= side for before, after in pairwise(begins))


@given(length=st.integers(1, 20_000), side=sides)
def test_each_cell_of_the_map_lies_in_its_own_tile(length: int, side: int) -> None:
    begins = starts(max(length, side), side)
    cell = max(length, side) / len(begins)
    for i, begin in enumerate(begins):
        assert begin <= i * cell + 1
        assert begin + side >= (i + 1) * cell - 1


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(8, 300), width=st.integers(8, 300), factor=st.floats(0.2, 2), side=st.integers(4, 40)
)
def test_any_image_is_cut_within_its_bounds(height: int, width: int, factor: float, side: int) -> None:
    tiling = Tiling(pixels=noise(shape=(height, width)), factor=factor, side=side)
    if min(tiling.size) < side:
        return
    covered = np.zeros((height, width), dtype=bool)
    places = []
    for place, tile in tiling:
        left, top, right, bottom = tiling.box(place)
        assert tile.shape == (side, side, 3)
        assert -1e-6 <= left < right <= width + 1e-6
        assert -1e-6 <= top < bottom <= height + 1e-6
        covered[int(top + 1e-6) : int(np.ceil(bottom - 1e-6)), int(left + 1e-6) : int(np.ceil(right - 1e-6))] = True
        places.append(place)
    assert covered.all()
    assert len(set(places)) == len(places) == tiling.shape[0] * tiling.shape[1]


def test_without_resizing_a_tile_is_a_piece_of_the_image() -> None:
    pixels = noise(shape=(250, 310))
    tiling = Tiling(pixels=pixels, factor=1.0, side=96)
    for place, tile in tiling:
        left, top, right, bottom = (round(edge) for edge in tiling.box(place))
        assert np.array_equal(tile, pixels[top:bottom, left:right])
        assert np.array_equal(tile, tiling.tile(place))


@pytest.mark.parametrize("factor", [0.25, 0.5])
def test_tiles_are_cut_from_the_image_as_it_is_resized_whole(factor: float) -> None:
    pixels = noise(shape=(768, 960))
    whole = scaled(pixels, factor)
    tiling = Tiling(pixels=pixels, factor=factor, side=96)
    for place, tile in tiling:
        left, top, _, _ = (round(edge * factor) for edge in tiling.box(place))
        expected = whole[top : top + 96, left : left + 96].astype(int)
        assert np.abs(tile.astype(int) - expected).max() <= 1


def test_tissue_is_what_has_colour() -> None:
    glass = np.full((96, 96, 3), 244, dtype=np.uint8)
    stained = glass.copy()
    stained[50, 50] = (200, 150, 190)
    assert not has_tissue(glass, 0.07)
    assert has_tissue(stained, 0.07)
    assert not has_tissue(np.zeros((8, 8, 3), dtype=np.uint8), 0.07)


@given(count=st.integers(0, 200), most=st.integers(1, 40))
def test_a_sample_keeps_the_order_and_the_bound(count: int, most: int) -> None:
    places = [(i, 0) for i in range(count)]
    chosen = spread_out(places, most)
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))


def test_a_window_is_averaged_over_the_tiles_that_were_read() -> None:
    values = np.zeros((4, 4), dtype=np.float32)
    values[:3, :3] = 0.8
    read = np.ones((4, 4), dtype=bool)
    assert highest_window(values, read) == pytest.approx(0.8)
    read[0, 0] = False
    assert highest_window(values, read) == pytest.approx(0.8)


def test_a_lone_tile_at_an_edge_does_not_weigh_as_much_as_nine() -> None:
    values, read = np.zeros((6, 6), dtype=np.float32), np.zeros((6, 6), dtype=bool)
    read[3:, 3:] = read[0, 0] = True
    values[0, 0] = 0.9
    assert highest_window(values, read) == pytest.approx(0.9 / 5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 2), (5, 1)])
def test_a_map_of_few_tiles_has_a_score_too(shape: tuple[int, int]) -> None:
    assert highest_window(np.full(shape, 0.7, dtype=np.float32), np.ones(shape, dtype=bool)) == pytest.approx(0.7)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6))
def test_a_slide_score_never_exceeds_the_highest_tile(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    values, read = rng.random((rows, columns)).astype(np.float32), rng.random((rows, columns)) < 0.6
    found = highest_window(values, read)
    assert 0 <= found <= (values[read].max() if read.any() else 0) + 1e-6
