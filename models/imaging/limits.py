"""How much one uploaded file may ask of this machine."""

from __future__ import annotations

import sys
from dataclasses import dataclass

LONGEST_SIDE = 65_535
"""Pixels; no camera makes more, and a picture one pixel high would starve every later resize."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits that are checked from the header, before any pixel is decoded.

    Decoding needs about 8 bytes of memory per pixel (12 for a progressive JPEG or a TIFF, 17 for a WebP),
    besides the file.
    """

    max_bytes: int
    max_pixels: int
    max_frames: int = 16
    """Pages (with their reduced copies) looked at in a TIFF before it is refused."""


OUR_OWN = Limits(max_bytes=sys.maxsize, max_pixels=LONGEST_SIDE**2)
"""For bytes that we stored: they passed the limits of their day, and are larger when kept as PNG."""
