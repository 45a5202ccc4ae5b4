"""The bytes to keep of an upload: the same pixels, no metadata, and a kind that every browser shows."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from models.imaging.container import CONTENT_TYPES, EXTENSIONS, Format
from models.imaging.decode import Picture
from models.imaging.strip import strip
from models.spec import Pixels


@dataclass(frozen=True, kw_only=True)
class Scrubbed:
    """What may be stored and served."""

    data: bytes
    extension: str
    content_type: str


def scrub(data: bytes, picture: Picture) -> Scrubbed:
    """The upload without metadata where a browser shows it unchanged, else a PNG of the decoded pixels."""
    if picture.keepable:
        return _scrubbed(strip(data, picture.header).data, picture.header.format)
    return _scrubbed(png_bytes(picture.pixels), "png")


def png_bytes(pixels: Pixels) -> bytes:
    """A PNG of the pixels and nothing else."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _scrubbed(data: bytes, kind: Format) -> Scrubbed:
    return Scrubbed(data=data, extension=EXTENSIONS[kind], content_type=CONTENT_TYPES[kind])
