"""How much one slide may ask of this machine, checked from its header."""

from __future__ import annotations

from dataclasses import dataclass

from models.imaging.errors import Unreadable
from models.slides.refusals import refuse_damaged, refuse_other

_PIXELS_PER_BYTE = 2_000
"""More than this is no slide but a bomb: pure white compresses to some hundreds of pixels a byte."""


@dataclass(frozen=True, kw_only=True)
class SlideLimits:
    """Of a slide as it was sent; everything is refused before a pixel is decoded."""

    max_bytes: int = 20_000_000_000
    max_side: int = 400_000
    max_pixels: int = 50_000_000_000
    max_levels: int = 32

    def check_bytes(self, size: int) -> None:
        if not size:
            refuse_other("The file is empty. Please copy or export it again.")
        if size > self.max_bytes:
            most = f"{self.max_bytes / 1e9:g} GB"
            raise Unreadable("too-many-bytes", f"The slide is larger than the {most} that are accepted here.")

    def check_size(self, width: int, height: int, levels: int, size: int) -> None:
        """Of the largest level, in pixels, of a file of `size` bytes."""
        if min(width, height) < 1 or levels > self.max_levels:
            refuse_damaged()
        if max(width, height) > self.max_side or width * height > self.max_pixels:
            raise Unreadable(
                "too-many-pixels",
                f"The slide has {width} × {height} pixels; at most {self.max_pixels / 1e9:g} gigapixels and "
                f"{self.max_side} pixels a side are accepted. Please export a part of it.",
            )
        if width * height > size * _PIXELS_PER_BYTE:
            raise Unreadable(
                "too-many-pixels",
                f"The file is far too small for the {width} × {height} pixels that it claims. "
                "Please export the slide again.",
            )
