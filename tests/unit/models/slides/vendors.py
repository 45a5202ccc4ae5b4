"""Slide files as scanners write them, each with a patient's name wherever such a file can carry one."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from models.spec import Pixels

NAME = b"Wilhelmina-Quarterstaff"
"""The patient; no byte of it may be kept."""
SIDE = 256
_CODES = {1: "B", 2: "s", 3: "H", 4: "I", 5: "I", 11: "f", 9: "i"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """One directory: pixels in tiles of 256 (or one strip), and further tags as {tag: (kind, values)}."""

    pixels: Pixels
    tags: dict[int, tuple[int, bytes | tuple[float, ...]]] = field(default_factory=dict)
    tiled: bool = True
    restart: int = 0


def jpeg(pixels: Pixels, restart: int = 0) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling="4:4:4", restart_marker_blocks=restart)
    return buffer.getvalue()


def tiles(pixels: Pixels) -> list[bytes]:
    """Row by row, the last ones filled up with white."""
    height, width = pixels.shape[:2]
    found = []
    for y in range(0, height, SIDE):
        for x in range(0, width, SIDE):
            tile = np.full((SIDE, SIDE, 3), 255, np.uint8)
            part = pixels[y : y + SIDE, x : x + SIDE]
            tile[: part.shape[0], : part.shape[1]] = part
            found.append(jpeg(tile))
    return found


def write_tiff(path: Path, *pages: Page) -> Path:
    """A classic TIFF of JPEG pages."""
    data, link = bytearray(b"II\x2a\0" + bytes(4)), 4
    for page in pages:
        pieces = tiles(page.pixels) if page.tiled else [jpeg(page.pixels, page.restart)]
        starts = []
        for piece in pieces:
            starts.append(float(len(data)))
            data += piece
        tags = {**_pixel_tags(page, tuple(starts), tuple(float(len(piece)) for piece in pieces)), **page.tags}
        data += bytes(len(data) % 2)
        struct.pack_into("<I", data, link, len(data))
        link = _add_directory(data, tags)
    path.write_bytes(data)
    return path


def aperio(path: Path, pixels: Pixels, um_per_px: str = "0.25") -> Path:
    """SVS: the slide, a thumbnail, a label and a macro that show and say the name."""
    said = b"Aperio Image Library v11\r\n%dx%d (256x256) JPEG/RGB Q=30|AppMag = 40|User = %s|MPP = %s\0"
    said = said % (pixels.shape[1], pixels.shape[0], NAME, um_per_px.encode())
    small = np.full((90, 80, 3), 200, np.uint8)
    return write_tiff(
        path,
        Page(pixels=pixels, tags={270: (2, said), 700: (1, b"<x:xmpmeta>" + NAME + b"</x:xmpmeta>"), 315: (2, NAME)}),
        Page(pixels=small, tags={270: (2, b"Aperio Image Library v11\r\nthumbnail\0")}, tiled=False),
        Page(pixels=small, tags={254: (4, (1,)), 270: (2, b"Aperio x\r\nlabel " + NAME + b"\0")}, tiled=False),
        Page(pixels=small, tags={254: (4, (9,)), 270: (2, b"Aperio x\r\nmacro " + NAME + b"\0")}, tiled=False),
    )


def leica(path: Path, pixels: Pixels, name: bytes = NAME, macro: Pixels | None = None) -> Path:
    """SCN, which says its places in nm; a macro is a picture of the whole collection."""
    height, width = pixels.shape[:2]
    area = f'sizeX="{width * 250}" sizeY="{height * 250}"'
    whole = f'sizeX="{width * 500}" sizeY="{height * 500}"'
    size = f'sizeX="{width}" sizeY="{height}"'
    said = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="urn:uuid:1">'
        f'<collection name="{name.decode()}" {whole}><barcode>{name.decode()}</barcode>'
        + _leica_image(0, size, area)
        + ("" if macro is None else _leica_image(1, f'sizeX="{macro.shape[1]}" sizeY="{macro.shape[0]}"', whole))
        + "</collection></scn>\0"
    )
    page = Page(pixels=pixels, tags={270: (2, said.encode()), **_resolution(40_000)})
    return write_tiff(path, page, *([] if macro is None else [Page(pixels=macro)]))


def _leica_image(directory: int, size: str, area: str) -> str:
    return (
        f'<image name="i{directory}"><creationDate>2020</creationDate><device model="SCN400" version="1"/>'
        f'<pixels {size}><dimension {size} r="0" ifd="{directory}"/></pixels>'
        f'<view {area} offsetX="0" offsetY="0"/><scanSettings>'
        "<objectiveSettings><objective>40</objective></objectiveSettings><illuminationSettings>"
        "<numericalAperture>0.75</numericalAperture><illuminationSource>brightfield</illuminationSource>"
        "</illuminationSettings></scanSettings></image>"
    )


def hamamatsu(path: Path, pixels: Pixels, name: bytes = NAME, macro: Pixels | None = None) -> Path:
    """NDPI: one strip, which restart markers make readable in pieces; sides divisible by 8."""
    lens: dict[int, tuple[int, bytes | tuple[float, ...]]] = {
        65420: (4, (1,)), 65421: (11, (40.0,)), 65422: (9, (0,)), 65423: (9, (0,)), 65424: (9, (0,)),
        65427: (2, name + b"\0"), **_resolution(40_000),
    }  # fmt: skip
    page = Page(pixels=pixels, tags={271: (2, b"Hamamatsu\0"), **lens}, tiled=False, restart=pixels.shape[1] // 8)
    if macro is None:
        return write_tiff(path, page)
    return write_tiff(path, page, Page(pixels=macro, tags={271: (2, b"Hamamatsu\0"), **lens, 65421: (11, (-1.0,))},
                                       tiled=False))


def mirax(folder: Path, pixels: Pixels, data_file: str = "Data0000.dat", name: bytes = NAME,
          label: Pixels | None = None) -> Path:
    """MRXS: images of 256 pixels in a data file, an index, and an INI file; one level, no overlap."""
    path, beside = folder / "slide.mrxs", folder / "slide"
    beside.mkdir(parents=True)
    pieces = tiles(pixels)
    across, down = -(-pixels.shape[1] // SIDE), -(-pixels.shape[0] // SIDE)
    told = _MIRAX.format(across=across, down=down, name=name.decode(), file=data_file, labels=int(label is not None))
    (beside / "Slidedat.ini").write_text(told + ("" if label is None else _MIRAX_LABEL))
    entries, start = b"", 0
    for number, piece in enumerate(pieces):
        entries += struct.pack("<4i", number, start, len(piece), 0)
        start += len(piece)
    (beside / "Data0000.dat").write_bytes(b"".join(pieces))
    head = b"01.02" + b"7" * 32
    at = len(head) + 8
    index = struct.pack("<ii", at, 0) + struct.pack("<i", at + 4) + struct.pack("<ii", 0, at + 12)
    index += struct.pack("<ii", len(pieces), 0) + entries
    if label is not None:
        shown = jpeg(label)
        ends = len(head) + len(index)
        index = struct.pack("<ii", at, ends) + index[8:] + struct.pack("<3i", ends + 4, 0, ends + 12)
        index += struct.pack("<7i", 1, 0, 0, 0, start, len(shown), 0)
        pieces.append(shown)
        (beside / "Data0000.dat").write_bytes(b"".join(pieces))
    (beside / "Index.dat").write_bytes(head + index)
    path.write_bytes(jpeg(np.full((8, 8, 3), 9, np.uint8)))
    return path


_MIRAX = """[GENERAL]
SLIDE_VERSION = 01.02
SLIDE_ID = 77777777777777777777777777777777
SLIDE_NAME = {name}
IMAGENUMBER_X = {across}
IMAGENUMBER_Y = {down}
OBJECTIVE_MAGNIFICATION = 40
CameraImageDivisionsPerSide = 1
[HIERARCHICAL]
HIER_COUNT = 1
NONHIER_COUNT = {labels}
INDEXFILE = Index.dat
NONHIER_0_NAME = Scan data layer
NONHIER_0_COUNT = 1
NONHIER_0_VAL_0 = ScanDataLayer_SlideBarcode
NONHIER_0_VAL_0_SECTION = LABEL
HIER_0_NAME = Slide zoom level
HIER_0_COUNT = 1
HIER_0_VAL_0_SECTION = LEVEL_0
[DATAFILE]
FILE_COUNT = 1
FILE_0 = {file}
[LEVEL_0]
IMAGE_CONCAT_FACTOR = 0
OVERLAP_X = 0
OVERLAP_Y = 0
MICROMETER_PER_PIXEL_X = 0.25
MICROMETER_PER_PIXEL_Y = 0.25
IMAGE_FILL_COLOR_BGR = 16777215
DIGITIZER_WIDTH = 256
DIGITIZER_HEIGHT = 256
IMAGE_FORMAT = JPEG
"""
_MIRAX_LABEL = """[LABEL]
BARCODE_IMAGE_TYPE = JPEG
"""


def _resolution(per_cm: int) -> dict[int, tuple[int, bytes | tuple[float, ...]]]:
    return {282: (5, (per_cm, 1)), 283: (5, (per_cm, 1)), 296: (3, (3,))}


def _pixel_tags(
    page: Page, starts: tuple[float, ...], sizes: tuple[float, ...]
) -> dict[int, tuple[int, bytes | tuple[float, ...]]]:
    height, width = page.pixels.shape[:2]
    pieces: dict[int, tuple[int, bytes | tuple[float, ...]]] = (
        {322: (3, (SIDE,)), 323: (3, (SIDE,)), 324: (4, starts), 325: (4, sizes)}
        if page.tiled
        else {273: (4, starts), 278: (4, (height,)), 279: (4, sizes)}
    )
    return {
        254: (4, (0,)), 256: (4, (width,)), 257: (4, (height,)), 258: (3, (8, 8, 8)), 259: (3, (7,)), 262: (3, (6,)),
        277: (3, (3,)), 284: (3, (1,)), 530: (3, (1, 1)), **pieces,
    }  # fmt: skip


def _add_directory(data: bytearray, tags: dict[int, tuple[int, bytes | tuple[float, ...]]]) -> int:
    """Append one directory; the place of its link to the next."""
    at = len(data) + 2 + 12 * len(tags) + 4
    directory, behind = struct.pack("<H", len(tags)), b""
    for tag, (kind, values) in sorted(tags.items()):
        code = _CODES[kind]
        whole = [value if code == "f" else int(value) for value in values]
        raw = bytes(values) if isinstance(values, bytes) else struct.pack(f"<{len(values)}{code}", *whole)
        count = len(values) // (2 if kind == 5 else 1)
        directory += struct.pack("<HHI", tag, kind, count)
        directory += raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", at + len(behind))
        behind += b"" if len(raw) <= 4 else raw + bytes(len(raw) % 2)
    data += directory + bytes(4) + behind
    return at - 4
