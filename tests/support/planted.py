"""Files with a name wherever one can stand, and the search for it in whatever comes out."""

from __future__ import annotations

import base64
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from tests.support import pictures
from tests.unit.models.imaging import makers
from tests.unit.models.slides.made import painted
from tests.unit.models.slides.vendors import Page, write_tiff

NAME = "Quintessa Vanterpool-Öz"
"""Of a patient; stands in no other file of ours."""
MAGENTA = (255, 0, 255)
"""The colour of labels and macros: no slide has it, nor a heat map."""
_DEEPEST, _STEP = 4, 4 << 20
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_GZIP, _ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"
_ASCII85 = re.compile(rb"stream\r?\n([!-uz\s]+)~>")


def _exif() -> bytes:
    exif = Image.Exif()
    for tag in (270, 305, 315, 33432):
        exif[tag] = NAME
    exif.get_ifd(0x8769)[37510] = b"ASCII\0\0\0" + NAME.encode()
    exif.get_ifd(0x8825)[29] = NAME
    return exif.tobytes()


def _xmp() -> bytes:
    return f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><dc:creator>{NAME}</dc:creator></x:xmpmeta>".encode()


def _profile() -> bytes:
    """A real profile, with the name behind its tables."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + NAME.encode()


def _png(smear: Image.Image) -> bytes:
    said, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    said.add_text("Patient", NAME)
    said.add_text("Comment", NAME, zip=True)
    said.add_itxt("Author", NAME, zip=True)
    said.add_itxt("XML:com.adobe.xmp", _xmp().decode())
    smear.save(buffer, "PNG", pnginfo=said, exif=_exif(), icc_profile=_profile(), compress_level=1)
    return buffer.getvalue() + NAME.encode()


def _jpeg(smear: Image.Image) -> bytes:
    buffer, name = io.BytesIO(), NAME.encode()
    smear.save(buffer, "JPEG", quality=92, exif=_exif(), icc_profile=_profile(), comment=name)
    iptc = b"\x1c\x02\x78" + struct.pack(">H", len(name)) + name
    photoshop = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    thumbnail = makers.segment(0xE0, b"JFXX\0\x10" + name)
    return makers.jpeg_with(buffer.getvalue(), makers.segment(0xED, photoshop), thumbnail,
                            makers.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _xmp())) + name


def _tiff(smear: Image.Image) -> bytes:
    buffer, name = io.BytesIO(), NAME.encode()
    tags = {270: NAME, 305: NAME, 315: NAME, 316: NAME, 33432: NAME, 700: _xmp(), 33723: name, 34675: _profile()}
    smear.save(buffer, "TIFF", compression="tiff_lzw", tiffinfo=tags)
    return buffer.getvalue() + name


def _webp(smear: Image.Image) -> bytes:
    buffer = io.BytesIO()
    smear.save(buffer, "WEBP", lossless=True, exif=_exif(), xmp=_xmp(), icc_profile=_profile())
    return buffer.getvalue() + NAME.encode()


def _bmp(smear: Image.Image) -> bytes:
    return makers.encoded(smear, "BMP") + NAME.encode() + NAME.encode("utf-16-le")


_MAKERS: dict[str, Callable[[Image.Image], bytes]] = {
    "png": _png, "jpg": _jpeg, "tif": _tiff, "webp": _webp, "bmp": _bmp}


def images() -> dict[str, bytes]:
    """By the ending of their names."""
    return {kind: make(Image.open(io.BytesIO(pictures.smear(number)))) for number, (kind, make)
            in enumerate(_MAKERS.items(), 1)}


def slide(folder: Path) -> bytes:
    """SVS with the name in every text of every page, and in letters on a magenta label and macro."""
    label = Image.new("RGB", (320, 160), MAGENTA)
    ImageDraw.Draw(label).text((20, 60), NAME, fill="black")
    shown, name = np.asarray(label), NAME.encode()
    said = b"Aperio Image Library v11\r\n%dx%d (256x256) JPEG/RGB Q=30|AppMag = 20|MPP = 0.5|Patient = %s\0"
    texts: dict[int, tuple[int, bytes | tuple[float, ...]]] = {
        305: (2, name + b"\0"), 315: (2, name + b"\0"), 700: (1, _xmp()), 34675: (1, _profile())}
    path = write_tiff(
        folder / "planted.svs",
        Page(pixels=painted(900, 700), tags={270: (2, said % (900, 700, name)), **texts}),
        Page(pixels=shown, tags={270: (2, b"Aperio x\r\nthumbnail " + name + b"\0")}, tiled=False),
        Page(pixels=shown, tags={254: (4, (1,)), 270: (2, b"Aperio x\r\nlabel " + name + b"\0")}, tiled=False),
        Page(pixels=shown, tags={254: (4, (9,)), 270: (2, b"Aperio x\r\nmacro " + name + b"\0")}, tiled=False))
    return path.read_bytes()


def spellings(name: str) -> set[bytes]:
    """The name and its longer words, in small and capital letters, in each coding that text is kept in."""
    words = [name, *(word for word in re.split(r"[\s-]", name) if len(word) > 5)]
    cased = {form for word in words for form in (word, word.lower(), word.upper())}
    codings = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")
    found = {form.encode(coding) for form in cased for coding in codings}
    for form in [form.encode() for form in cased]:
        for shift in range(3):
            coded = base64.b64encode(bytes(shift) + form)
            found.add(coded[4 if shift else 0 : len(coded) // 4 * 4 - 4])
    return {one for one in found if len(one) > 5}


def is_in(data: bytes, sought: set[bytes]) -> bool:
    return any(one in layer for layer in layers(data) for one in sought)


def layers(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and what unpacks from anywhere in them."""
    yield data
    if depth == _DEEPEST:
        return
    for inner in (*_inflated(data), *_unzipped(data), *_from_ascii85(data)):
        yield from layers(inner, depth + 1)


def _inflated(data: bytes) -> Iterator[bytes]:
    starts = [(found.start(), zlib.MAX_WBITS) for found in _ZLIB.finditer(data)]
    starts += [(found.start(), zlib.MAX_WBITS | 16) for found in re.finditer(re.escape(_GZIP), data)]
    for start, bits in starts:
        stream = zlib.decompressobj(bits)
        try:
            out = stream.decompress(memoryview(data)[start:], _STEP)
        except zlib.error:
            continue
        if len(out) > 5:
            yield out


def _unzipped(data: bytes) -> Iterator[bytes]:
    if data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield "\n".join(archive.namelist()).encode()
            yield from (archive.read(name) for name in archive.namelist())


def _from_ascii85(data: bytes) -> Iterator[bytes]:
    """Streams of a PDF."""
    if data.startswith(b"%PDF"):
        for found in _ASCII85.finditer(data):
            yield base64.a85decode(found.group(1))
