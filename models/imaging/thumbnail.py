"""Small pictures for lists."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from models.spec import Pixels


def thumbnail_jpeg(pixels: Pixels, side: int) -> bytes:
    """A JPEG whose longer side is at most `side`, with the picture's proportions."""
    small = Image.fromarray(pixels)
    small.thumbnail((side, side), reducing_gap=2.0)
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
