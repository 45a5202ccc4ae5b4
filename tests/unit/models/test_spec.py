"""Pixel sizes: asked for when a system needs them, refused when they are absurd."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spec import Micrograph, Scale
from tests.unit.models.pictures import noise

SCALE = Scale(wanted=1.0, least=0.2, most=4.0, free_side=100)


def micrograph(side: int, um_per_px: float | None) -> Micrograph:
    return Micrograph(pixels=noise(0, (side, 10)), um_per_px=um_per_px)


def test_a_small_image_needs_no_pixel_size() -> None:
    assert SCALE.problem(micrograph(100, None)) == ""


def test_a_larger_image_without_one_is_asked_for_it() -> None:
    assert "pixel size is needed" in SCALE.problem(micrograph(101, None))


@pytest.mark.parametrize("absurd", [0.0, -1.0, 0.19, 4.01, 1e9, math.inf, math.nan])
def test_an_absurd_pixel_size_is_refused_with_the_range(absurd: float) -> None:
    assert "from 0.2 to 4 µm" in SCALE.problem(micrograph(200, absurd))


@given(st.floats(0.2, 4.0))
def test_any_size_within_the_range_is_taken(size: float) -> None:
    assert SCALE.problem(micrograph(200, size)) == ""
