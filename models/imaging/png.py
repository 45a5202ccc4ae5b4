"""PNG: the header, and the file without anything but the picture, by walking its chunks."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from models.imaging.container import Colours, Header, Stripped
from models.imaging.errors import refuse_animated, refuse_broken, refuse_truncated, refuse_unsupported
from models.imaging.ifd import exif_orientation

MAGIC = b"\x89PNG\r\n\x1a\n"
_COLOURS: dict[int, Colours] = {0: "grey", 2: "colour", 3: "palette", 4: "grey", 6: "colour"}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_MAX_CHUNKS = 100_000
_INFLATE_STEP = 1 << 20
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, column step, row step of each pass."""


def read_header(data: bytes) -> Header:
    """Header of a PNG from its IHDR and the few chunks before the picture data."""
    orientation = 1
    chunks = _chunks(data)
    first = next(chunks, None)
    if first is None or first[0] != b"IHDR" or len(first[1]) != 13:
        refuse_broken()
    width, height, bits, kind, *rest = struct.unpack(">IIBBBBB", first[1])
    if bits not in _DEPTHS.get(kind, ()) or rest[:2] != [0, 0] or rest[2] > 1 or not width or not height:
        refuse_broken()
    for name, body in chunks:
        if name == b"acTL" and len(body) >= 4 and int.from_bytes(body[:4], "big") > 1:
            refuse_animated()
        if name == b"eXIf":
            orientation = exif_orientation(body)
        if name in (b"IDAT", b"IEND"):
            break
    return Header(
        format="png", width=width, height=height, colours=_COLOURS[kind], bits=bits, orientation=orientation
    )


def strip(data: bytes, header: Header) -> Stripped:
    """Only the chunks that decide pixels, each with a right checksum, and nothing after the last."""
    kept: dict[bytes, list[bytes]] = {name: [] for name in _PICTURE}
    for name, body in _chunks(data):
        if name in _PICTURE:
            kept[name].append(body)
        elif not name[0] & 0x20:
            refuse_unsupported("A PNG with unknown parts")
    if len(kept[b"IHDR"]) != 1 or len(kept[b"PLTE"]) > 1 or len(kept[b"tRNS"]) > 1 or not kept[b"IDAT"]:
        refuse_broken()
    if header.bits == 16:
        kept[b"tRNS"] = []  # names one transparent 16-bit colour, which no longer exists in 8 bits
    if header.colours == "palette" and not kept[b"PLTE"]:
        refuse_broken()
    names = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
    parts = [_chunk(name, body) for name in names for body in kept[name]]
    return Stripped(data=MAGIC + b"".join(parts), keepable=True)


def fills_exactly(data: bytes) -> bool:
    """Whether the compressed data holds the picture and nothing behind it; refuses it where it holds less."""
    chunks = list(_chunks(data))
    expected, parts = _raw_size(chunks[0][1]), [body for name, body in chunks if name == b"IDAT"]
    stream, total, behind = zlib.decompressobj(), 0, False
    try:
        for part in parts:
            behind = behind or (stream.eof and bool(part))
            while total <= expected and not stream.eof:
                out = stream.decompress(part, min(_INFLATE_STEP, expected + 1 - total))
                total, part = total + len(out), stream.unconsumed_tail
                if not out and not part:
                    break
    except zlib.error:
        refuse_broken()
    if total < expected:
        refuse_truncated()
    return total == expected and stream.eof and not stream.unused_data and not behind


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk up to IEND; a wrong checksum matters only where it can change pixels."""
    position = len(MAGIC)
    for _ in range(_MAX_CHUNKS):
        if position + 12 > len(data):
            refuse_truncated()
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if not name.isalpha():
            refuse_broken()
        if end > len(data):
            refuse_truncated()
        body, checksum = data[position + 8 : end - 4], data[end - 4 : end]
        if name in _PICTURE and checksum != _checksum(name, body):
            refuse_broken()
        yield name, body
        if name == b"IEND":
            return
        position = end
    refuse_broken()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), name) + body + _checksum(name, body)


def _checksum(name: bytes, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(name)).to_bytes(4, "big")


def _raw_size(ihdr: bytes) -> int:
    """Bytes of the picture before compression: every row has one filter byte."""
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", ihdr)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits * _CHANNELS[kind] + 7) // 8)
    return total
