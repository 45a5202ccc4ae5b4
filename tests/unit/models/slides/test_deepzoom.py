"""What OpenSeadragon asks for is a tile of the kept slide, and all of them together are the slide."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.slides.deepzoom import kept_tile, zoom_levels
from models.slides.layout import level_sizes

SIDES = st.integers(1, 400_000)


@given(SIDES, SIDES)
def test_the_viewer_and_the_file_agree_on_every_level(width: int, height: int) -> None:
    """OpenSeadragon counts tiles by ceil(side / 2^(maxLevel − n) / 512), from sides that it does not round."""
    levels = zoom_levels(width, height)
    for zoom, level in enumerate(levels):
        scale = 2 ** (len(levels) - 1 - zoom)
        assert level.columns == math.ceil(width / scale / 512)
        assert level.rows == math.ceil(height / scale / 512)
        assert (level.width, level.height) == level_sizes(width, height)[kept_tile(width, height, zoom, 0, 0)[0]]


@given(SIDES, SIDES)
def test_the_first_level_is_one_tile_and_the_last_the_whole_slide(width: int, height: int) -> None:
    levels = zoom_levels(width, height)
    assert (levels[0].columns, levels[0].rows) == (1, 1)
    assert (levels[-1].width, levels[-1].height) == (width, height)


@given(st.integers(1, 6000), st.integers(1, 6000), st.integers(-2, 8), st.integers(-2, 14), st.integers(-2, 14))
def test_a_tile_is_there_or_a_key_error(width: int, height: int, zoom: int, column: int, row: int) -> None:
    levels = zoom_levels(width, height)
    inside = 0 <= zoom < len(levels) and 0 <= column < levels[zoom].columns and 0 <= row < levels[zoom].rows
    if inside:
        assert kept_tile(width, height, zoom, column, row) == (len(levels) - 1 - zoom, column, row)
    else:
        with pytest.raises(KeyError):
            kept_tile(width, height, zoom, column, row)
