"""JPEG: the header, and the file without anything but the picture, by walking its segments."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from models.imaging.container import Colours, Header, Stripped
from models.imaging.errors import refuse_broken, refuse_truncated, refuse_unsupported
from models.imaging.ifd import exif_orientation

MAGIC = b"\xff\xd8\xff"
_EOI, _SOS, _APP0, _APP1, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_COLOURS: dict[int, Colours] = {1: "grey", 3: "colour", 4: "cmyk"}
_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE}
_TABLES = {0xC4, 0xDB, 0xDD}
_MAX_SEGMENTS = 4000
_MAX_SCANS = 100
"""A progressive picture has about ten; thousands are a known way to keep a decoder busy for minutes."""
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def read_header(data: bytes) -> Header:
    """Header of a JPEG; EXIF orientation included, since cameras write it before the frame."""
    orientation = 1
    for marker, body, _ in _segments(data):
        if marker == _APP1 and body.startswith(b"Exif\0\0"):
            orientation = exif_orientation(body)
        if marker in _FRAMES:
            return _frame(body, orientation)
        if marker in (_SOS, _EOI):
            break
    refuse_broken()


def strip(data: bytes, header: Header) -> Stripped:
    """The picture's own segments, and of the others only what steers colours (JFIF, Adobe), cut to that."""
    parts, frames, scans, adobe = [MAGIC[:2]], 0, 0, False
    for marker, body, scan in _segments(data):
        if marker == _EOI:
            break
        frames += marker in _FRAMES
        scans += marker == _SOS
        if frames > 1 or scans > _MAX_SCANS:
            refuse_broken()
        adobe = adobe or (marker == _APP14 and body.startswith(b"Adobe"))
        parts.append(_kept(marker, body))
        parts.append(scan)
    if not scans:
        refuse_broken()
    parts.append(b"\xff\xd9")
    inks = header.colours == "cmyk"
    return Stripped(data=b"".join(parts), keepable=not inks, scans=scans, inverted=inks and not adobe)


def with_more_scan_data(stripped: Stripped) -> bytes:
    """The same picture with noise before its end, which changes pixels only where scan data is missing."""
    return stripped.data[:-2] + bytes(range(1, 255)) * 8 + b"\xff\xd9"


def _frame(body: bytes, orientation: int) -> Header:
    if len(body) < 6:
        refuse_broken()
    bits, height, width, channels = struct.unpack_from(">BHHB", body)
    if bits != 8:
        refuse_unsupported(f"A JPEG with {bits} bits per colour")
    if channels not in _COLOURS:
        refuse_unsupported(f"A JPEG with {channels} colour channels")
    if not height or not width:
        refuse_broken()
    return Header(
        format="jpeg", width=width, height=height, colours=_COLOURS[channels], orientation=orientation
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Marker, body and following scan data of each segment up to and with the end of the image."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        while data[position : position + 2] == b"\xff\xff":
            position += 1
        if position + 2 > len(data):
            refuse_truncated()
        if data[position] != 0xFF:
            refuse_broken()
        marker = data[position + 1]
        if marker == _EOI:
            yield marker, b"", b""
            return
        if marker in _OTHER_FRAMES:
            refuse_unsupported("A JPEG of this rare kind (lossless, arithmetic or hierarchical)")
        if position + 4 > len(data):
            refuse_truncated()
        (length,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + length
        if length < 2:
            refuse_broken()
        if end > len(data):
            refuse_truncated()
        after = _scan_end(data, end) if marker == _SOS else end
        yield marker, data[position + 4 : end], data[end:after]
        position = after
    refuse_broken()


def _scan_end(data: bytes, start: int) -> int:
    found = _END_OF_SCAN.search(data, start)
    if found is None:
        refuse_truncated()
    return found.start()


def _kept(marker: int, body: bytes) -> bytes:
    if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        body = body[:12] + b"\0\0"  # the two zeros: no thumbnail
    elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        body = body[:12]
    elif marker not in _FRAMES | _TABLES | {_SOS}:
        return b""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
