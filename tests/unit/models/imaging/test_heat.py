"""Heat maps as pictures, and thumbnails."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from models.imaging.heat import heat_composite_png, heat_overlay_png
from models.imaging.thumbnail import thumbnail_jpeg
from tests.unit.models.imaging.makers import texture

RAMP = np.tile(np.linspace(0, 1, 7, dtype=np.float32), (7, 1))


def shown(data: bytes, mode: str = "RGBA") -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert(mode)).astype(int)


def test_the_layer_has_the_proportions_of_the_picture_and_fits_the_page() -> None:
    assert shown(heat_overlay_png(RAMP, 800, 600)).shape == (600, 800, 4)
    assert shown(heat_overlay_png(RAMP, 4000, 3000)).shape == (768, 1024, 4)
    assert shown(heat_overlay_png(RAMP, 5000, 1)).shape == (1, 1024, 4)


def test_cold_is_clear_and_heat_is_bright_but_never_opaque() -> None:
    layer = shown(heat_overlay_png(RAMP, 700, 500))
    opacity, lightness = layer[250, :, 3], layer[250, :, :3].sum(axis=1)
    assert opacity[0] == 0
    assert 150 < opacity[-1] < 230
    assert (np.diff(opacity) >= 0).all()
    assert (np.diff(lightness[opacity > 0]) >= -3).all()


def test_the_blended_picture_has_the_size_of_the_picture_and_leaves_cold_places_alone() -> None:
    pixels = np.asarray(texture())
    blended = shown(heat_composite_png(pixels, RAMP), "RGB")
    assert blended.shape == pixels.shape
    assert np.array_equal(blended[:, 0], pixels[:, 0])
    assert np.abs(blended[:, -1] - pixels[:, -1]).mean() > 30


def test_numbers_outside_the_range_do_no_harm() -> None:
    odd = np.array([[np.nan, np.inf], [-5.0, 9.0]], np.float32)
    layer = shown(heat_overlay_png(odd, 64, 64))
    assert layer[0, 0, 3] == 0
    assert layer[-1, -1, 3] > 150


def test_a_thumbnail_keeps_proportions_and_never_grows() -> None:
    pixels = np.asarray(texture(80, 60))
    assert shown(thumbnail_jpeg(pixels, 40)).shape == (30, 40, 4)
    assert shown(thumbnail_jpeg(pixels, 400)).shape == (60, 80, 4)
