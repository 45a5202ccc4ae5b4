"""How a kept slide lies in its file: a BigTIFF of JPEG tiles, levels in falling size, nothing that is not pixels."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

TILE = 512
"""Side of a tile in pixels; tiles at the right and lower edge are filled up."""
_HEAD = b"II\x2b\0\x08\0\0\0"
_FIRST_DIRECTORY = len(_HEAD)
_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16
_CODES = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _LONG8: "Q"}
_REDUCED, _WIDTH, _HEIGHT, _X_RESOLUTION, _TILES, _TILE_BYTES = 254, 256, 257, 282, 324, 325
_JPEG, _YCBCR, _CENTIMETRE = 7, 6, 3
_PER_CENTIMETRE = 400_000
"""Steps of the resolution tags: µm are kept to a 400,000th."""
_MOST_LEVELS = 32


class BadLayout(ValueError):
    """The file is no kept slide, or not a whole one."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """One level: its size in pixels, and where each of its tiles lies, row by row."""

    width: int
    height: int
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint32]

    @property
    def columns(self) -> int:
        return -(-self.width // TILE)

    @property
    def rows(self) -> int:
        return -(-self.height // TILE)


def level_sizes(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """Width and height of every level, each half of the one before (rounded up), down to one tile."""
    sizes = [(width, height)]
    while max(sizes[-1]) > TILE:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return tuple(sizes)


class Writer:
    """Takes tiles in any order, and ends with the directories that say where they lie."""

    def __init__(self, file: IO[bytes], width: int, height: int) -> None:
        self._file = file
        self._levels = [_unplaced(*size) for size in level_sizes(width, height)]
        self._last = (b"", 0)
        file.write(_HEAD + bytes(8))

    def add(self, level: int, column: int, row: int, jpeg: bytes) -> None:
        """Place one tile; the same bytes twice in a row (empty glass) are written once."""
        if jpeg != self._last[0]:
            self._last = (jpeg, self._file.tell())
            self._file.write(jpeg)
        placed = self._levels[level]
        index = row * placed.columns + column
        placed.offsets[index], placed.sizes[index] = self._last[1], len(jpeg)

    def finish(self, um_per_px: float | None) -> None:
        """Write the directories; every tile has to be there."""
        if not all(placed.sizes.all() for placed in self._levels):
            raise BadLayout("a tile is missing")
        link = _FIRST_DIRECTORY
        for level, placed in enumerate(self._levels):
            where = self._append(b"")
            self._file.seek(link)
            self._file.write(struct.pack("<Q", where))
            link = self._directory(placed, level, um_per_px)
        self._file.seek(0, os.SEEK_END)

    def _append(self, data: bytes) -> int:
        """Where `data` begins at the end of the file, on an even place."""
        end = self._file.seek(0, os.SEEK_END)
        self._file.write(bytes(end % 2) + data)
        return end + end % 2

    def _directory(self, placed: Placed, level: int, um_per_px: float | None) -> int:
        """Write one directory at the end; the place of its link to the next."""
        entries = _entries(placed, level, um_per_px)
        start = self._append(struct.pack("<Q", len(entries)))
        values_at = start + 8 + 20 * len(entries) + 8
        directory, values = b"", b""
        for tag, kind, data in entries:
            count = len(data) // struct.calcsize(_CODES[kind]) // (2 if kind == _RATIONAL else 1)
            inline = data.ljust(8, b"\0") if len(data) <= 8 else struct.pack("<Q", values_at + len(values))
            values += b"" if len(data) <= 8 else data
            directory += struct.pack("<HHQ", tag, kind, count) + inline
        self._file.write(directory + bytes(8) + values)
        return values_at - 8


def read_levels(file: int) -> tuple[tuple[Placed, ...], float | None]:
    """Every level of an open kept slide, and the side of its pixels in µm; raises BadLayout."""
    head = os.pread(file, len(_HEAD) + 8, 0)
    if len(head) < len(_HEAD) + 8 or not head.startswith(_HEAD):
        raise BadLayout("not a kept slide")
    (where,) = struct.unpack_from("<Q", head, _FIRST_DIRECTORY)
    levels: list[Placed] = []
    um_per_px = None
    while where and len(levels) < _MOST_LEVELS:
        tags, where = _read_directory(file, where)
        if not levels and _X_RESOLUTION in tags:
            um_per_px = 10_000 * int(tags[_X_RESOLUTION][1]) / int(tags[_X_RESOLUTION][0])
        levels.append(_placed(tags))
    if tuple((level.width, level.height) for level in levels) != level_sizes(levels[0].width, levels[0].height):
        raise BadLayout("not the levels of a kept slide")
    return tuple(levels), um_per_px


def _unplaced(width: int, height: int) -> Placed:
    count = -(-width // TILE) * -(-height // TILE)
    return Placed(
        width=width, height=height, offsets=np.zeros(count, np.uint64), sizes=np.zeros(count, np.uint32)
    )


def _entries(placed: Placed, level: int, um_per_px: float | None) -> list[tuple[int, int, bytes]]:
    """Tag, kind and bytes of everything that a reader of TIFF must know, in the order of tags."""
    short = struct.Struct("<H").pack
    long = struct.Struct("<I").pack
    entries = [
        (_REDUCED, _LONG, long(1 if level else 0)),
        (_WIDTH, _LONG, long(placed.width)),
        (_HEIGHT, _LONG, long(placed.height)),
        (258, _SHORT, 3 * short(8)),
        (259, _SHORT, short(_JPEG)),
        (262, _SHORT, short(_YCBCR)),
        (277, _SHORT, short(3)),
        (284, _SHORT, short(1)),
        (322, _SHORT, short(TILE)),
        (323, _SHORT, short(TILE)),
        (_TILES, _LONG8, placed.offsets.tobytes()),
        (_TILE_BYTES, _LONG, placed.sizes.tobytes()),
        (530, _SHORT, 2 * short(1)),
    ]
    if um_per_px is not None and not level:
        side = round(um_per_px * _PER_CENTIMETRE)
        resolution = struct.pack("<II", 10_000 * _PER_CENTIMETRE, side)
        entries += [(_X_RESOLUTION, _RATIONAL, resolution), (_X_RESOLUTION + 1, _RATIONAL, resolution)]
        entries += [(296, _SHORT, short(_CENTIMETRE))]
    return sorted(entries)


def _read_directory(file: int, where: int) -> tuple[dict[int, NDArray[np.unsignedinteger]], int]:
    (count,) = struct.unpack("<Q", _read(file, where, 8))
    if not 0 < count <= 32:
        raise BadLayout("absurd number of tags")
    raw = _read(file, where + 8, 20 * count + 8)
    tags = {}
    for at in range(0, 20 * count, 20):
        tag, kind, items = struct.unpack_from("<HHQ", raw, at)
        if kind not in _CODES:
            raise BadLayout("absurd tag")
        dtype = np.dtype(f"<{_CODES[kind]}")
        size = items * dtype.itemsize * (2 if kind == _RATIONAL else 1)
        inline = raw[at + 12 : at + 12 + size]
        data = inline if size <= 8 else _read(file, struct.unpack_from("<Q", raw, at + 12)[0], size)
        tags[tag] = np.frombuffer(data, dtype)
    return tags, struct.unpack_from("<Q", raw, 20 * count)[0]


def _placed(tags: dict[int, NDArray[np.unsignedinteger]]) -> Placed:
    try:
        placed = Placed(
            width=int(tags[_WIDTH][0]),
            height=int(tags[_HEIGHT][0]),
            offsets=tags[_TILES].astype(np.uint64),
            sizes=tags[_TILE_BYTES].astype(np.uint32),
        )
    except KeyError as error:
        raise BadLayout("not a level of a kept slide") from error
    if not placed.columns * placed.rows == len(placed.offsets) == len(placed.sizes):
        raise BadLayout("not as many tiles as the level has")
    return placed


def _read(file: int, where: int, size: int) -> bytes:
    if size > os.fstat(file).st_size:
        raise BadLayout("points outside the file")
    data = os.pread(file, size, where)
    if len(data) != size:
        raise BadLayout("points outside the file")
    return data
