"""One tile or strip of a TIFF, decoded by Pillow out of a TIFF that holds nothing else."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.TiffImagePlugin import TiffImageFile

from models.slides.refusals import refuse_damaged
from models.spec import Pixels

BY_LIBTIFF = {1, 5, 7, 8, 32773, 32946, 34925, 50000, 50001}
"""None, LZW, JPEG, deflate, PackBits, old deflate, LZMA, Zstandard, WebP."""
MOST_BYTES = 128 << 20
"""Of one piece, decoded."""
_DEFLATE = {8, 32946}
_JPEG_2000_YCC = 33003
BY_OPENJPEG = {_JPEG_2000_YCC, 33004, 33005, 34712}
COLOURS = {0, 1, 2, 6}
"""Grey from white, grey from black, RGB, YCbCr."""
_YCBCR = 6
_SHORT, _LONG, _UNDEFINED = 3, 4, 7


@dataclass(frozen=True, kw_only=True)
class Form:
    """How every piece of a page is stored."""

    compression: int
    photometric: int
    samples: int
    predictor: int = 1
    subsampling: tuple[int, int] = (1, 1)
    jpeg_tables: bytes = b""


def decode(data: bytes, form: Form, width: int, height: int) -> Pixels:
    """RGB pixels (height, width, 3); raises Unreadable or what Pillow raises."""
    if form.compression in BY_OPENJPEG:
        return _by_openjpeg(data, form, (width, height))
    if form.compression in _DEFLATE and form.photometric != _YCBCR:
        return _inflated(data, form, (height, width))
    with TiffImageFile(BytesIO(_alone(data, form, width, height))) as image:
        return np.asarray(_on_white(image))


def _inflated(data: bytes, form: Form, shape: tuple[int, int]) -> Pixels:
    """Not by libtiff, which does not look at the checksum: damage would pass as pixels."""
    size = shape[0] * shape[1] * form.samples
    stream = zlib.decompressobj()
    raw = stream.decompress(data, MOST_BYTES)
    if len(raw) < size or not stream.eof:
        refuse_damaged()
    values = np.frombuffer(raw, np.uint8, size).reshape(*shape, form.samples)
    if form.predictor == 2:
        values = np.cumsum(values, axis=1, dtype=np.uint8)
    if form.photometric == 0:
        values = 255 - values
    return np.asarray(_on_white(Image.fromarray(values[..., 0] if form.samples == 1 else values)))


def _by_openjpeg(data: bytes, form: Form, size: tuple[int, int]) -> Pixels:
    with Jpeg2KImageFile(BytesIO(data)) as image:
        if image.size != size:
            refuse_damaged()
        image.load()
        if form.compression == _JPEG_2000_YCC:
            return np.asarray(Image.frombytes("YCbCr", size, image.tobytes()).convert("RGB"))
        return np.asarray(_on_white(image))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("RGBA", "RGBa"):
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _alone(data: bytes, form: Form, width: int, height: int) -> bytes:
    """A classic TIFF whose one strip is this piece: a tile is coded as a strip of its size is."""
    count = form.samples
    tags = [
        (256, _LONG, struct.pack("<I", width)),
        (257, _LONG, struct.pack("<I", height)),
        (258, _SHORT, struct.pack("<H", 8) * count),
        (259, _SHORT, struct.pack("<H", form.compression)),
        (262, _SHORT, struct.pack("<H", form.photometric)),
        (277, _SHORT, struct.pack("<H", count)),
        (278, _LONG, struct.pack("<I", height)),
        (279, _LONG, struct.pack("<I", len(data))),
        (284, _SHORT, struct.pack("<H", 1)),
        (317, _SHORT, struct.pack("<H", form.predictor)),
    ]
    if count == 4:
        tags.append((338, _SHORT, struct.pack("<H", 2)))
    if form.jpeg_tables:
        tags.append((347, _UNDEFINED, form.jpeg_tables))
    if form.photometric == _YCBCR:
        tags.append((530, _SHORT, struct.pack("<2H", *form.subsampling)))
    return _laid_out(tags, data)


def _laid_out(tags: list[tuple[int, int, bytes]], data: bytes) -> bytes:
    values_at = 8 + 2 + 12 * (len(tags) + 1) + 4
    values = b"".join(value for _, _, value in tags if len(value) > 4)
    tags = sorted([*tags, (273, _LONG, struct.pack("<I", values_at + len(values)))])
    directory, at = struct.pack("<H", len(tags)), values_at
    for tag, kind, value in tags:
        count = len(value) // {_SHORT: 2, _LONG: 4, _UNDEFINED: 1}[kind]
        directory += struct.pack("<HHI", tag, kind, count)
        directory += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", at)
        at += len(value) if len(value) > 4 else 0
    return b"II\x2a\0\x08\0\0\0" + directory + bytes(4) + values + data
