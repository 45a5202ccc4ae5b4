"""How an image looks, whatever its size, at next to no cost."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageFilter

from models.imaging.looks import look_at
from models.spec import Pixels


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_every_image_has_looks_within_their_bounds(pixels: Pixels) -> None:
    looks = look_at(pixels)
    assert all(np.isfinite(value) for value in asdict(looks).values())
    assert 0 <= looks.brightness <= 255.1
    assert 0 <= looks.contrast <= 255.1
    assert 0 <= looks.saturation <= 1
    assert -1e-6 <= looks.density <= 2.41
    assert looks.sharpness >= 0


@pytest.fixture
def field(smear: Pixels) -> Image.Image:
    return Image.fromarray(smear)


def test_each_number_follows_what_it_is_named_after(field: Image.Image) -> None:
    plain = look_at(np.asarray(field))
    dark = look_at(np.asarray(field.point(lambda level: level * 0.6)))
    assert dark.brightness < plain.brightness * 0.7
    assert dark.density > plain.density + 0.1
    assert look_at(np.asarray(field.convert("L").convert("RGB"))).saturation < 0.001 < plain.saturation
    assert look_at(np.asarray(field.filter(ImageFilter.GaussianBlur(4)))).sharpness < plain.sharpness / 2
    faint = look_at(np.asarray(field.point(lambda level: 200 + level * 0.1)))
    assert faint.contrast < plain.contrast / 4


def test_a_larger_copy_looks_alike(field: Image.Image) -> None:
    small, large = look_at(np.asarray(field)), look_at(np.asarray(field.resize((1500, 1500))))
    assert large.brightness == pytest.approx(small.brightness, rel=0.03)
    assert large.saturation == pytest.approx(small.saturation, rel=0.1)
