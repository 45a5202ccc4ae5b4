"""An image and what lies over it, small enough for paper."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from models.imaging.heat import heat_overlay_png
from models.imaging.layers import unpack_heat
from models.spec import Pixels

OPACITY = 0.7
"""Of a layer over its image, as the result page opens with it."""
_BAND_ROWS = 512
_QUALITY = 85


def small_copy(pixels: Pixels, side: int) -> Pixels:
    """The picture with its longer side at most `side`; a large one is averaged band by band, never copied whole."""
    height, width = pixels.shape[:2]
    factor = max(1, max(height, width) // (2 * side))
    if factor > 1:
        pixels = _averaged(pixels, factor)
        height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels)
    shrink = min(1.0, side / max(height, width))
    if shrink < 1:
        picture = picture.resize((max(1, round(width * shrink)), max(1, round(height * shrink))),
                                 Image.Resampling.LANCZOS)
    return np.array(picture)


def blend(pixels: Pixels, kind: str, packed: bytes) -> Pixels:
    """A (small) picture under a packed layer."""
    height, width = pixels.shape[:2]
    if kind == "heat":
        packed = heat_overlay_png(unpack_heat(packed), width, height)
    with Image.open(BytesIO(packed), formats=("PNG",)) as layer:
        # Indexes are picked and not mixed, and picked before they become colours: a class map may be large.
        nearest = layer.mode == "P" and kind == "classes"
        resized = layer.resize((width, height), Image.Resampling.NEAREST) if nearest else layer
        colours = resized.convert("RGBA").resize((width, height), Image.Resampling.BILINEAR)
    colours.putalpha(colours.getchannel("A").point([round(value * OPACITY) for value in range(256)]))
    return np.asarray(Image.alpha_composite(Image.fromarray(pixels).convert("RGBA"), colours).convert("RGB"))


def jpeg_bytes(pixels: Pixels) -> bytes:
    """The picture as a JPEG; the same pixels give the same bytes."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    return buffer.getvalue()


def _averaged(pixels: Pixels, factor: int) -> Pixels:
    rows = max(1, _BAND_ROWS // factor) * factor
    bands = [np.asarray(Image.fromarray(pixels[top : top + rows]).reduce(factor))
             for top in range(0, pixels.shape[0], rows)]
    return np.concatenate(bands)
