"""WebP: the header, and the file without anything but the picture, by walking its RIFF chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from models.imaging.container import Header, Stripped
from models.imaging.errors import refuse_animated, refuse_broken, refuse_truncated
from models.imaging.ifd import exif_orientation

_MAX_CHUNKS = 1000
_ALPHA, _ANIMATED = 0x10, 0x02


def is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_header(data: bytes) -> Header:
    """Header of a WebP; its EXIF block stands behind the picture, so that all chunks are visited."""
    size = canvas = None
    orientation = 1
    for name, body in _chunks(data):
        if name == b"VP8X":
            canvas = _canvas(body)
        elif name in (b"ANIM", b"ANMF"):
            refuse_animated()
        elif name in (b"VP8 ", b"VP8L"):
            if size:
                refuse_broken()
            size = _bitstream_size(name, body)
        elif name == b"EXIF":
            orientation = exif_orientation(body)
    if size is None or 0 in size or (canvas or size) != size:
        refuse_broken()
    return Header(format="webp", width=size[0], height=size[1], orientation=orientation)


def strip(data: bytes, header: Header) -> Stripped:
    """The bitstream, its alpha where there is one, and a header with every other flag cleared."""
    kept = {name: body for name, body in _chunks(data) if name in (b"ALPH", b"VP8 ", b"VP8L")}
    if b"VP8L" in kept:
        parts = [_chunk(b"VP8L", kept[b"VP8L"])]
    elif b"ALPH" in kept:
        sides = [(side - 1).to_bytes(3, "little") for side in (header.width, header.height)]
        parts = [_chunk(b"VP8X", bytes((_ALPHA, 0, 0, 0)) + b"".join(sides))]
        parts += [_chunk(name, kept[name]) for name in (b"ALPH", b"VP8 ")]
    else:
        parts = [_chunk(b"VP8 ", kept[b"VP8 "])]
    body = b"WEBP" + b"".join(parts)
    return Stripped(data=b"RIFF" + struct.pack("<I", len(body)) + body, keepable=True)


def _canvas(body: bytes) -> tuple[int, int]:
    if len(body) < 10:
        refuse_broken()
    if body[0] & _ANIMATED:
        refuse_animated()
    return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1


def _bitstream_size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if name == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        packed = int.from_bytes(body[1:5], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    refuse_broken()


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk inside the RIFF length; what follows it is nobody's."""
    end_of_file = 8 + int.from_bytes(data[4:8], "little")
    if end_of_file > len(data):
        refuse_truncated()
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > end_of_file:
            return
        name, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length
        if end > end_of_file:
            refuse_truncated()
        yield name, data[position + 8 : end]
        position = end + (length & 1)
    refuse_broken()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) & 1)
