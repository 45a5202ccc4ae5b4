"""Heat maps as pictures: a see-through layer for the page, a blended picture for the command line."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.imaging.scrub import png_bytes
from models.spec import Pixels

LONGEST_SIDE = 1024
"""Of the layer; the browser stretches it over a larger picture, and heat has no finer detail anyway."""
_STRONGEST = 0.72
"""Opacity of the hottest place: the cell below must stay visible."""
_ANCHORS = np.array(
    [
        (0.0, 20, 11, 52),
        (0.2, 84, 15, 109),
        (0.4, 159, 42, 99),
        (0.6, 221, 81, 58),
        (0.8, 252, 165, 10),
        (1.0, 252, 255, 164),
    ]
)
"""Position, red, green, blue: dark violet over red to pale yellow, rising evenly in lightness, so that it
reads the same to colour-blind eyes and on a grey print."""


def heat_overlay_png(heatmap: NDArray[np.float32], width: int, height: int) -> bytes:
    """Transparent PNG of a heat map (rows, columns) in [0, 1], with the proportions of width × height."""
    shrink = min(1.0, LONGEST_SIDE / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    layer = Image.fromarray(_levels(heatmap, size))
    layer.putpalette(_table()[:, :3].tobytes())
    buffer = BytesIO()
    layer.save(buffer, "PNG", compress_level=1, transparency=_table()[:, 3].tobytes())
    return buffer.getvalue()


def heat_composite_png(pixels: Pixels, heatmap: NDArray[np.float32]) -> bytes:
    """The picture under its heat map, at the picture's own size."""
    height, width = pixels.shape[:2]
    heat = _table()[_levels(heatmap, (width, height))].astype(np.uint16)
    colour, alpha = heat[..., :3], heat[..., 3:]
    return png_bytes(((pixels * (255 - alpha) + colour * alpha) // 255).astype(np.uint8))


def _levels(heatmap: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The heat at `size` (width, height), in 256 levels; what is not a number is cold."""
    clean = np.clip(np.nan_to_num(heatmap.astype(np.float32)), 0.0, 1.0)
    fine = Image.fromarray(clean).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(fine) * 255.0 + 0.5, 0, 255).astype(np.uint8)


def _table() -> NDArray[np.uint8]:
    """Red, green, blue and opacity of each of the 256 levels, shape (256, 4)."""
    heat = np.linspace(0.0, 1.0, 256)
    channels = [np.interp(heat, _ANCHORS[:, 0], _ANCHORS[:, index]) for index in (1, 2, 3)]
    channels.append(255 * _STRONGEST * np.sqrt(heat) * np.clip(heat / 0.1, 0.0, 1.0))
    return np.stack(channels, axis=1).round().astype(np.uint8)
