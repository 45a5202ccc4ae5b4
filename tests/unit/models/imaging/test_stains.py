"""Stain separation undoes what light does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.imaging.stains import compose, light_of, separate


@settings(deadline=None)
@given(st.floats(0, 0.9), st.floats(0, 0.9), st.integers(200, 255))
def test_stains_come_back_from_the_image_that_they_made(haematoxylin: float, dab: float, light: int) -> None:
    lamp = np.full(3, float(light))
    stains = np.zeros((4, 4, 3))
    stains[..., 0], stains[..., 1] = haematoxylin, dab
    assert separate(compose(stains, lamp), lamp) == pytest.approx(stains, abs=0.08)


def test_glass_is_free_of_stain_whatever_the_lamp() -> None:
    pixels = np.full((20, 20, 3), (231, 222, 240), np.uint8)
    pixels[:4] = (120, 90, 60)
    assert light_of(pixels) == pytest.approx([231, 222, 240])
    assert separate(pixels)[10, 10] == pytest.approx(np.zeros(3), abs=1e-6)


def test_brown_is_dab_and_blue_is_haematoxylin() -> None:
    light = np.full(3, 255.0)
    brown, blue = separate(np.array([[(140, 90, 45), (110, 110, 170)]], np.uint8), light)[0]
    assert brown[1] > 2 * brown[0]
    assert blue[0] > 2 * blue[1]


def test_black_has_a_density() -> None:
    assert np.isfinite(separate(np.zeros((3, 3, 3), np.uint8))).all()
