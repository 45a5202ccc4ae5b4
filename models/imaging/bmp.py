"""BMP: the header of the uncompressed kinds; everything else is refused."""

from __future__ import annotations

import struct

from models.imaging.container import Colours, Header, Stripped
from models.imaging.errors import refuse_broken, refuse_truncated, refuse_unsupported

MAGIC = b"BM"
_HEADER_SIZES = (40, 52, 56, 64, 108, 124)
_UNCOMPRESSED = (0, 3)


def read_header(data: bytes) -> Header:
    """Header of a BMP, refused where the file is too short for the pixels it promises."""
    if len(data) < 54:
        refuse_truncated()
    start, size, width, height, planes, bits, compression = struct.unpack_from("<IIiiHHI", data, 10)
    if size not in _HEADER_SIZES:
        refuse_unsupported("A BMP of this old kind")
    if compression not in _UNCOMPRESSED:
        refuse_unsupported("A compressed BMP")
    if width <= 0 or not height or planes != 1 or bits not in (1, 4, 8, 16, 24, 32):
        refuse_broken()
    colours: Colours = "palette" if bits <= 8 else "colour"
    if start + (width * bits + 31) // 32 * 4 * abs(height) > len(data):
        refuse_truncated()
    return Header(format="bmp", width=width, height=abs(height), colours=colours)


def strip(data: bytes, header: Header) -> Stripped:
    """A BMP holds no text; it is handed to the decoder whole and kept as PNG."""
    return Stripped(data=data, keepable=False)
