"""Layers as pictures: small to keep, see-through over the page, exact beside the command line's answers."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.imaging.heat import heat_composite_png, heat_overlay_png
from models.imaging.scrub import png_bytes
from models.spec import Layer, Pixels, Swatch

CLEAR = (0, 0, 0)
"""The colour of a class that is nothing: see-through when the map lies over its image."""
_OPACITY = 160
"""Of the other classes over an image, of 255: what lies below must stay visible."""


def pack(layer: Layer) -> bytes:
    """A PNG that keeps a layer: heat as 8-bit grey at its own size, classes as indexes with their exact palette."""
    if layer.kind == "classes":
        return _indexed(layer.values, layer.legend, see_through=True)
    clean = np.clip(np.nan_to_num(layer.values.astype(np.float32)), 0.0, 1.0)
    return _png(Image.fromarray((clean * 255.0 + 0.5).astype(np.uint8)))


def unpack_heat(packed: bytes) -> NDArray[np.float32]:
    """The heat, in [0, 1], of a packed layer."""
    with Image.open(BytesIO(packed), formats=("PNG",)) as picture:
        return np.asarray(picture, dtype=np.float32) / 255.0


def overlay_png(kind: str, packed: bytes, width: int, height: int) -> bytes:
    """A transparent PNG with the proportions of the image (width × height), from a packed layer."""
    if kind == "classes":
        return packed
    return heat_overlay_png(unpack_heat(packed), width, height)


def composite_png(pixels: Pixels, layer: Layer) -> bytes:
    """The image under a layer, at the image's own size."""
    if layer.kind == "heat":
        return heat_composite_png(pixels, layer.values)
    colours = np.array([swatch.colour for swatch in layer.legend], np.uint16)
    opacity = np.array([0 if swatch.colour == CLEAR else _OPACITY for swatch in layer.legend], np.uint16)
    values = _at_size(layer.values, pixels)
    alpha = opacity[values][..., None]
    return png_bytes(((pixels * (255 - alpha) + colours[values] * alpha) // 255).astype(np.uint8))


def classes_png(pixels: Pixels, layer: Layer) -> bytes:
    """A map of classes on its own, at the image's size: indexes with their exact palette."""
    return _indexed(_at_size(layer.values, pixels), layer.legend, see_through=False)


def _at_size(values: NDArray[np.uint8], pixels: Pixels) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    if values.shape == (height, width):
        return values
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.NEAREST))


def _indexed(values: NDArray[np.uint8], legend: Sequence[Swatch], *, see_through: bool) -> bytes:
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.uint8)).convert("L")
    picture.putpalette([part for swatch in legend for part in swatch.colour])
    if see_through:
        return _png(picture, transparency=bytes(0 if swatch.colour == CLEAR else 255 for swatch in legend))
    return _png(picture)


def _png(picture: Image.Image, **options: bytes) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()
