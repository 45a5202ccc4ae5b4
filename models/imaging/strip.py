"""A container without metadata, whatever its format."""

from __future__ import annotations

from collections.abc import Callable

from models.imaging import bmp, jpeg, png, tiff, webp
from models.imaging.container import Format, Header, Stripped

_STRIP: dict[Format, Callable[[bytes, Header], Stripped]] = {
    "jpeg": jpeg.strip,
    "png": png.strip,
    "tiff": tiff.strip,
    "webp": webp.strip,
    "bmp": bmp.strip,
}


def strip(data: bytes, header: Header) -> Stripped:
    """What decoding needs of `data` and nothing else; raises Unreadable where a part is missing or wrong."""
    return _STRIP[header.format](data, header)
