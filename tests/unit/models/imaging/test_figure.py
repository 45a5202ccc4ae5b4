"""Images and their layers, made small for paper."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.imaging.figure import blend, jpeg_bytes, small_copy
from models.imaging.layers import pack
from models.spec import Layer, Swatch

LEGEND = (Swatch(label="background", colour=(0, 0, 0)), Swatch(label="cold", colour=(0, 159, 255)))


@given(width=st.integers(1, 700), height=st.integers(1, 700), side=st.integers(8, 200))
def test_a_small_copy_fits_and_keeps_its_proportions(width: int, height: int, side: int) -> None:
    small = small_copy(np.full((height, width, 3), 77, np.uint8), side)
    assert max(small.shape[:2]) == min(side, max(width, height))
    shrink = min(1, side / max(width, height))
    assert abs(small.shape[1] - width * shrink) <= 1.5
    assert abs(small.shape[0] - height * shrink) <= 1.5
    assert (small == 77).all()


def test_bands_leave_no_seam() -> None:
    rows = np.linspace(0, 255, 3000).astype(np.uint8)
    ramp = np.repeat(np.repeat(rows[:, None, None], 400, axis=1), 3, axis=2)
    small = small_copy(ramp, 300)
    assert np.abs(np.diff(small[:, 5, 0].astype(int))).max() <= 2


def test_a_large_picture_is_not_copied_whole() -> None:
    pixels = np.zeros((6000, 6000, 3), np.uint8)
    tracemalloc.start()
    small_copy(pixels, 600)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < pixels.nbytes / 4


def test_a_class_lies_over_its_place_and_nothing_over_the_rest() -> None:
    values = np.zeros((60, 80), np.uint8)
    values[:30] = 1
    shown = blend(np.full((30, 40, 3), 200, np.uint8), "classes",
                  pack(Layer(name="mask", title="", kind="classes", values=values, legend=LEGEND)))
    assert (shown[20:] == 200).all()
    assert np.abs(shown[:12].astype(int) - [60, 171, 238]).max() <= 1


def test_heat_lies_where_it_is_hot() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[:, 2:] = 1
    shown = blend(np.full((40, 40, 3), 120, np.uint8), "heat",
                  pack(Layer(name="heatmap", title="", kind="heat", values=heat)))
    assert np.abs(shown[:, :4].astype(int) - 120).max() <= 2
    assert shown[:, -4:].astype(int).mean() - 120 > 30


def test_a_picture_becomes_the_same_jpeg_again() -> None:
    pixels = np.random.default_rng(4).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    assert jpeg_bytes(pixels) == jpeg_bytes(pixels.copy())
    assert Image.open(io.BytesIO(jpeg_bytes(pixels))).size == (30, 40)
