"""TIFF: the header of its one page, and a file whose only directory holds the tags that decide pixels."""

from __future__ import annotations

import struct

from models.imaging import ifd
from models.imaging.container import Colours, Header, Stripped
from models.imaging.errors import Unreadable, refuse_broken, refuse_truncated, refuse_unsupported
from models.imaging.limits import Limits

_BIG_ENDIAN_BIGTIFF = b"MM\0\x2b"
MAGICS = (b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0", _BIG_ENDIAN_BIGTIFF)
_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL = 254, 256, 257, 258, 259, 262, 266
_STRIPS, _SAMPLES, _STRIP_BYTES, _PLANES = 273, 277, 279, 284
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _FORMAT, _JPEG_TABLES = 322, 323, 324, 325, 339, 347
_COLOURS: dict[int, Colours] = {0: "grey", 1: "grey", 2: "colour", 3: "palette", 5: "cmyk", 6: "colour"}
_COMPRESSIONS = {1, 5, 7, 8, 32773, 32946}
"""None, LZW, JPEG, deflate, PackBits, old deflate."""
_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}
"""Inch and centimetre."""
_BELIEVABLE_UM = (0.05, 20.0)
"""Of a microscope's pixel; 72 or 300 dots per inch are a printer's wish and not a measure."""
_MAX_PIECES = 1 << 20
_SHORT, _PALETTE, _TABLE_BYTES = 8, 3 << 16, 1 << 16
_MOST_VALUES = {
    _WIDTH: 1,
    _HEIGHT: 1,
    _BITS: _SHORT,
    _COMPRESSION: 1,
    _PHOTOMETRIC: 1,
    _STRIPS: _MAX_PIECES,
    _SAMPLES: 1,
    278: 1,  # rows per strip
    _STRIP_BYTES: _MAX_PIECES,
    _PLANES: 1,
    317: 1,  # predictor
    320: _PALETTE,
    _TILE_WIDTH: 1,
    _TILE_HEIGHT: 1,
    _TILES: _MAX_PIECES,
    _TILE_BYTES: _MAX_PIECES,
    338: _SHORT,  # extra samples
    _FORMAT: _SHORT,
    _JPEG_TABLES: _TABLE_BYTES,
    530: 2,  # chroma subsampling
}
"""The tags that decide pixels; the decoder sees these and no other."""


def read_header(data: bytes, limits: Limits) -> Header:
    """Header of the one full-size page of a TIFF; reduced copies of it may stand beside it."""
    if data.startswith(_BIG_ENDIAN_BIGTIFF):
        refuse_unsupported("A BigTIFF in this byte order")  # Pillow 13 takes it for a classic TIFF
    try:
        layout = ifd.read_layout(data)
        page = _only_page(data, layout, limits.max_frames)
        return _describe(_Tags(data, layout, page), page)
    except ifd.BadDirectory:
        refuse_broken()


def strip(data: bytes, header: Header) -> Stripped:
    """The same bytes under a new directory: other pages and other tags can no longer be reached from it."""
    try:
        layout = ifd.read_layout(data)
        tags = _Tags(data, layout, header.page)
        _check_pieces(tags)
        turned = header.bits > 8 and tags.value(_PHOTOMETRIC, 1) == 0
        entries = {tag: tags.checked(tag) for tag in sorted(_MOST_VALUES) if tag in tags.entries}
    except ifd.BadDirectory:
        refuse_broken()
    if turned:  # Pillow does not turn deep grey over, and knows it in one byte order only
        entries[_PHOTOMETRIC] = _one_short(layout, _PHOTOMETRIC, 1)
    wide = "Q" if layout.big else "I"
    count = struct.pack(layout.order + ("Q" if layout.big else "H"), len(entries))
    head_size = 16 if layout.big else 8
    start = struct.pack(layout.order + wide, len(data))
    head = data[: head_size - len(start)] + start
    directory = count + b"".join(entries.values()) + struct.pack(layout.order + wide, 0)
    whole = b"".join((head, memoryview(data)[head_size:], directory))
    return Stripped(data=whole, keepable=False, inverted=turned)


class _Tags:
    """The tags of one page, read within bounds."""

    def __init__(self, data: bytes, layout: ifd.Layout, offset: int) -> None:
        self.data, self.layout = data, layout
        self.entries, self.following = ifd.read_directory(data, layout, offset)

    def values(self, tag: int) -> tuple[int, ...]:
        if tag not in self.entries:
            return ()
        return ifd.integers(self.data, self.layout, self.entries[tag], _MOST_VALUES.get(tag, 1))

    def value(self, tag: int, otherwise: int) -> int:
        return next(iter(self.values(tag)), otherwise)

    def fraction(self, tag: int) -> float:
        return ifd.rational(self.data, self.layout, self.entries[tag])

    def checked(self, tag: int) -> bytes:
        """The raw entry, once its values are known to lie inside the data."""
        entry = self.entries[tag]
        if not 0 < entry.count <= _MOST_VALUES[tag] or entry.start + entry.size > len(self.data):
            raise ifd.BadDirectory("absurd tag")
        return entry.raw


def _one_short(layout: ifd.Layout, tag: int, value: int) -> bytes:
    return struct.pack(layout.order + ("HHQH6x" if layout.big else "HHIH2x"), tag, 3, 1, value)


def _only_page(data: bytes, layout: ifd.Layout, most: int) -> int:
    """Where the directory of the only full-size page starts."""
    full, seen, offset = [], set[int](), layout.first
    while offset:
        if offset in seen:
            refuse_broken()
        seen.add(offset)
        tags = _Tags(data, layout, offset)
        if not tags.value(_KIND, 0) & 1:
            full.append(offset)
        if len(full) > 1 or len(seen) > most:
            raise Unreadable(
                "too-many-pages", "The TIFF holds several pages. Please export the one you mean on its own."
            )
        offset = tags.following
    if not full:
        refuse_broken()
    return full[0]


def _describe(tags: _Tags, page: int) -> Header:
    width, height = tags.value(_WIDTH, 0), tags.value(_HEIGHT, 0)
    bits, photometric = tags.values(_BITS) or (1,), tags.value(_PHOTOMETRIC, 1)
    if not width or not height or len(bits) > 5:
        refuse_broken()
    if photometric not in _COLOURS or tags.value(_COMPRESSION, 1) not in _COMPRESSIONS:
        refuse_unsupported("A TIFF with this compression or colour system")
    if set(tags.values(_FORMAT)) - {1} or len(set(bits)) > 1 or bits[0] not in (1, 2, 4, 8, 12, 16):
        refuse_unsupported("A TIFF of measured values (floating point, signed or 32 bits)")
    if tags.value(_FILL, 1) != 1 or (tags.value(_PLANES, 1) != 1 and bits[0] != 8):
        refuse_unsupported("A TIFF with this arrangement of its samples")
    orientation = tags.value(ifd.ORIENTATION, 1)
    return Header(
        format="tiff",
        width=width,
        height=height,
        colours=_COLOURS[photometric],
        bits=bits[0],
        orientation=orientation if 1 <= orientation <= 8 else 1,
        page=page,
        um_per_px=_um_per_px(tags),
    )


def _um_per_px(tags: _Tags) -> float | None:
    """The side of a pixel in µm from the resolution tags, where they are believable; they never refuse a file."""
    try:
        unit = _UM_PER_UNIT[tags.value(_RESOLUTION_UNIT, 2)]
        across, down = tags.fraction(_X_RESOLUTION), tags.fraction(_Y_RESOLUTION)
        side = unit / across
    except (ifd.BadDirectory, KeyError, ZeroDivisionError):
        return None
    square = abs(across - down) <= 0.02 * across
    return round(side, 4) if square and _BELIEVABLE_UM[0] <= side <= _BELIEVABLE_UM[1] else None


def _check_pieces(tags: _Tags) -> None:
    """Every strip or tile lies inside the file, and a tile is no larger than what it is a part of needs."""
    tiled = _TILES in tags.entries
    starts = tags.values(_TILES if tiled else _STRIPS)
    sizes = tags.values(_TILE_BYTES if tiled else _STRIP_BYTES)
    if not starts or len(starts) != len(sizes):
        refuse_broken()
    if any(start + size > len(tags.data) for start, size in zip(starts, sizes, strict=True)):
        refuse_truncated()
    sides = (tags.value(_TILE_WIDTH, 1), tags.value(_TILE_HEIGHT, 1))
    whole = (tags.value(_WIDTH, 1), tags.value(_HEIGHT, 1))
    if tiled and any(side > max(1024, 2 * full) for side, full in zip(sides, whole, strict=True)):
        refuse_broken()
