"""TIFF directories, as found in TIFF files and in EXIF blocks, read within bounds."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value by its kind; the kinds that are not here have one."""
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MAX_ENTRIES = 4096
ORIENTATION = 274


class BadDirectory(ValueError):
    """The directory points outside the data or contradicts itself."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Byte order and word width of one TIFF structure."""

    order: str
    big: bool
    first: int
    """Where the first directory starts."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One tag of a directory; `raw` is the whole entry as stored."""

    kind: int
    count: int
    start: int
    """Where its values start, in the entry itself or elsewhere in the data."""
    raw: bytes

    @property
    def size(self) -> int:
        return _SIZES.get(self.kind, 1) * self.count


def read_layout(data: bytes) -> Layout:
    """Layout of a classic TIFF (42) or a BigTIFF (43)."""
    magic = bytes(data[:4])
    order = "<" if magic[:2] == b"II" else ">"
    if magic in (b"II\x2a\0", b"MM\0\x2a"):
        return Layout(order=order, big=False, first=_unpack(order + "I", data, 4)[0])
    if magic in (b"II\x2b\0", b"MM\0\x2b"):
        return Layout(order=order, big=True, first=_unpack(order + "Q", data, 8)[0])
    raise BadDirectory("no TIFF header")


def read_directory(data: bytes, layout: Layout, offset: int) -> tuple[dict[int, Entry], int]:
    """The tags of the directory at `offset`, and where the next directory starts (0: nowhere)."""
    order, wide = layout.order, 8 if layout.big else 4
    (count,) = _unpack(order + ("Q" if layout.big else "H"), data, offset)
    if not 0 < count <= _MAX_ENTRIES:
        raise BadDirectory("absurd number of tags")
    position = offset + (8 if layout.big else 2)
    entries: dict[int, Entry] = {}
    for _ in range(count):
        tag, kind, items = _unpack(order + ("HHQ" if layout.big else "HHI"), data, position)
        value_at = position + 4 + wide
        start = value_at
        if _SIZES.get(kind, 1) * items > wide:
            (start,) = _unpack(order + ("Q" if layout.big else "I"), data, value_at)
        raw = data[position : value_at + wide]
        entries.setdefault(tag, Entry(kind=kind, count=items, start=start, raw=raw))
        position = value_at + wide
    (following,) = _unpack(order + ("Q" if layout.big else "I"), data, position)
    return entries, following


def integers(data: bytes, layout: Layout, entry: Entry, most: int) -> tuple[int, ...]:
    """The values of an unsigned entry of at most `most` values."""
    code = _INTEGERS.get(entry.kind)
    if code is None or not 0 < entry.count <= most:
        raise BadDirectory("not a short list of whole numbers")
    return _unpack(f"{layout.order}{entry.count}{code}", data, entry.start)


def rational(data: bytes, layout: Layout, entry: Entry) -> float:
    """The value of an entry of one unsigned fraction."""
    if entry.kind != 5 or entry.count != 1:
        raise BadDirectory("not one fraction")
    above, below = _unpack(f"{layout.order}2I", data, entry.start)
    return above / below if below else 0.0


def exif_orientation(block: bytes) -> int:
    """EXIF orientation (1 to 8) from the bytes of an EXIF block; 1 when it says nothing sensible."""
    block = block.removeprefix(b"Exif\0\0")
    try:
        layout = read_layout(block)
        entries, _ = read_directory(block, layout, layout.first)
        value = integers(block, layout, entries[ORIENTATION], 1)[0]
    except (BadDirectory, KeyError):
        return 1
    return value if 1 <= value <= 8 else 1


def _unpack(code: str, data: bytes, offset: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(code, data, offset)
    except (struct.error, OverflowError) as error:
        raise BadDirectory("points outside the data") from error
