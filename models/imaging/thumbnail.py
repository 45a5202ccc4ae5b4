"""Small pictures for lists."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from models.imaging.scrub import png_bytes
from models.spec import Pixels, Region


def thumbnail_jpeg(pixels: Pixels, side: int) -> bytes:
    """A JPEG whose longer side is at most `side`, with the picture's proportions."""
    small = Image.fromarray(pixels)
    small.thumbnail((side, side), reducing_gap=2.0)
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def crop_png(pixels: Pixels, region: Region) -> bytes:
    """The part of the image that a region names; what of it lies outside is left away."""
    height, width = pixels.shape[:2]
    left, top = min(max(region.x, 0), width - 1), min(max(region.y, 0), height - 1)
    right = min(max(region.x + region.width, left + 1), width)
    bottom = min(max(region.y + region.height, top + 1), height)
    return png_bytes(pixels[top:bottom, left:right].copy())
