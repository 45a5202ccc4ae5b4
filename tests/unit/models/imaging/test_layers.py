"""Layers as pictures: packed small, laid over exactly, written in their own colours."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.imaging.layers import classes_png, composite_png, overlay_png, pack, unpack_heat
from models.spec import Layer, Swatch

LEGEND = tuple(Swatch(label=label, colour=colour) for label, colour in (
    ("background", (0, 0, 0)), ("normal", (0, 159, 255)), ("weak", (0, 255, 0)), ("moderate", (255, 216, 0)),
    ("strong", (255, 0, 0))))
COLOURS = np.array([swatch.colour for swatch in LEGEND], np.uint8)


def class_map(values: np.ndarray) -> Layer:
    return Layer(name="mask", title="Nuclei", kind="classes", values=values, legend=LEGEND)


def opened(png: bytes, mode: str) -> np.ndarray:
    with Image.open(BytesIO(png)) as picture:
        return np.asarray(picture.convert(mode))


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), seed=st.integers(0, 1000))
def test_heat_comes_back_within_half_a_level(rows: int, columns: int, seed: int) -> None:
    heat = np.random.default_rng(seed).random((rows, columns), np.float32)
    layer = Layer(name="heatmap", title="", kind="heat", values=heat)
    back = unpack_heat(pack(layer))
    assert back.shape == heat.shape
    assert np.abs(back - heat).max() <= 0.5 / 255 + 1e-6


def test_what_is_no_number_is_cold() -> None:
    layer = Layer(name="heatmap", title="", kind="heat", values=np.array([[np.nan, 2.0, -1.0]], np.float32))
    assert unpack_heat(pack(layer)).tolist() == [[0.0, 1.0, 0.0]]


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 1000))
def test_classes_lie_over_the_image_in_their_exact_colours(rows: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, len(LEGEND), (rows, columns), np.uint8)
    shown = opened(overlay_png("classes", pack(class_map(values)), columns, rows), "RGBA")
    assert np.array_equal(shown[..., 3], np.where(values == 0, 0, 255))
    assert np.array_equal(shown[..., :3][values > 0], COLOURS[values][values > 0])


def test_classes_are_written_as_indexes_at_the_images_size() -> None:
    values = np.array([[0, 1], [2, 4]], np.uint8)
    written = classes_png(np.zeros((6, 8, 3), np.uint8), class_map(values))
    with Image.open(BytesIO(written)) as picture:
        assert (picture.mode, picture.size) == ("P", (8, 6))
        assert np.array_equal(np.asarray(picture), values.repeat(3, axis=0).repeat(4, axis=1))
    assert np.array_equal(opened(written, "RGB")[::3, ::4], COLOURS[values])


def test_heat_is_written_over_the_image() -> None:
    pixels = np.full((20, 30, 3), 200, np.uint8)
    heat = Layer(name="heatmap", title="", kind="heat", values=np.array([[0.0, 1.0]], np.float32))
    shown = opened(composite_png(pixels, heat), "RGB")
    assert shown.shape == pixels.shape
    assert (shown[:, 0] == 200).all()
    assert (shown[:, -1] != 200).any()


def test_classes_tint_the_image_and_leave_the_background_alone() -> None:
    pixels = np.full((4, 6, 3), 200, np.uint8)
    shown = opened(composite_png(pixels, class_map(np.array([[0, 4]], np.uint8))), "RGB")
    assert (shown[:, :3] == 200).all()
    assert (shown[:, 3:, 0] > 200).all()
    assert (shown[:, 3:, 1:] < 200).all()
    assert (shown[:, 3:, 1:] > 0).all()
