"""The words of the container modules: what a header says, and what is left without metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["jpeg", "png", "tiff", "webp", "bmp"]
Colours = Literal["grey", "colour", "palette", "cmyk"]

CONTENT_TYPES: dict[Format, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "bmp": "image/bmp",
}
EXTENSIONS: dict[Format, str] = {
    "jpeg": ".jpg",
    "png": ".png",
    "tiff": ".tif",
    "webp": ".webp",
    "bmp": ".bmp",
}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the first bytes say. Width and height are as stored, before any rotation."""

    format: Format
    width: int
    height: int
    colours: Colours = "colour"
    bits: int = 8
    """Bits per sample."""
    orientation: int = 1
    """EXIF orientation, 1 (upright) to 8."""
    page: int = 0
    """TIFF only: where the directory of the one full page starts."""
    um_per_px: float | None = None
    """TIFF only: the side of a pixel in µm, where the file says so believably."""

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.format]


@dataclass(frozen=True, kw_only=True)
class Stripped:
    """A container reduced to what decoding needs; the decoder never sees anything else of the file."""

    data: bytes
    keepable: bool
    """Whether a browser shows these bytes as they are."""
    scans: int = 1
    """JPEG only: how many passes draw the picture."""
    inverted: bool = False
    """TIFF and CMYK JPEG: whether the samples mean the opposite of what Pillow takes them for."""
