"""What is kept of an upload: the same pixels, nobody's name."""

from __future__ import annotations

import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, TiffImagePlugin

from models.imaging.decode import decode
from models.imaging.scrub import Scrubbed, scrub
from tests.unit.models.imaging import makers
from tests.unit.models.imaging.makers import LIMITS, chunk, segment

NAME = "Mustermann-Erika-1957"
FORMATS = makers.every_format()
BROWSER_TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


def scrubbed(data: bytes) -> Scrubbed:
    return scrub(data, decode(data, LIMITS))


def name_is_in(data: bytes) -> bool:
    """Whether the name stands in the bytes, or in anything compressed among them."""
    spellings = [NAME.encode(code) for code in ("ascii", "utf-16-le", "utf-16-be")]
    found = any(spelling in data for spelling in spellings)
    for start in range(len(data) - 1):
        if data[start] == 0x78 and (data[start] * 256 + data[start + 1]) % 31 == 0:
            try:
                unpacked = zlib.decompressobj().decompress(data[start:], 1_000_000)
            except zlib.error:
                continue
            found = found or any(spelling in unpacked for spelling in spellings)
    return found


def photoshop_block(name: str) -> bytes:
    """IPTC by-line in a Photoshop resource."""
    iptc = b"\x1c\x02\x50" + len(name).to_bytes(2, "big") + name.encode()
    return b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc


def profile(name: str) -> bytes:
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made + name.encode()


def jpegs_with_names() -> dict[str, bytes]:
    plain, name = FORMATS["jpeg"], NAME.encode()
    thumbnail = b"JFIF\0\1\1\0\0\1\0\1\3\3" + name.ljust(27)
    start = plain.index(b"\xff\xda")
    return {
        "exif": makers.encoded(makers.texture(), "JPEG", exif=makers.exif_block(1, NAME)),
        "exif-turned": makers.encoded(makers.texture(), "JPEG", exif=makers.exif_block(6, NAME)),
        "xmp": makers.jpeg_with(plain, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>" + name)),
        "iptc": makers.jpeg_with(plain, segment(0xED, photoshop_block(NAME))),
        "comment": makers.encoded(makers.texture(), "JPEG", comment=NAME),
        "icc": makers.encoded(makers.texture(), "JPEG", icc_profile=profile(NAME)),
        "thumbnail": plain[:2] + segment(0xE0, thumbnail) + plain[20:],
        "adobe-tail": makers.jpeg_with(FORMATS["cmyk"], segment(0xEE, b"Adobe\0\x64\0\0\0\0\0" + name)),
        "unknown-app": makers.jpeg_with(plain, segment(0xE9, name), segment(0xEF, name)),
        "before-scan": plain[:start] + segment(0xFE, name) + plain[start:],
        "behind": plain + name,
        "second-picture": plain + makers.encoded(makers.texture(), "JPEG", comment=NAME),
    }


def pngs_with_names() -> dict[str, bytes]:
    plain, name = FORMATS["png"], NAME.encode()
    packed = zlib.compress(name * 3)
    hidden = makers.png_of(2, 2, 8, 0, b"\0\1\2\0\3\4" + name)
    chunks = {
        "text": (b"tEXt", b"Author\0" + name),
        "ztxt": (b"zTXt", b"Author\0\0" + packed),
        "itxt": (b"iTXt", b"Author\0\0\0\0\0" + name),
        "itxt-packed": (b"iTXt", b"Author\0\1\0\0\0" + packed),
        "exif": (b"eXIf", makers.exif_block(1, NAME)[6:]),
        "exif-turned": (b"eXIf", makers.exif_block(8, NAME)[6:]),
        "icc": (b"iCCP", b"name\0\0" + zlib.compress(profile(NAME))),
        "icc-name": (b"iCCP", name + b"\0\0" + zlib.compress(profile(""))),
        "private": (b"paTi", name),
    }
    files = {what: makers.png_with(plain, chunk(*one)) for what, one in chunks.items()}
    files["wrong-checksum"] = makers.png_with(plain, chunk(b"tEXt", name)[:-1] + b"!")
    files["late-text"] = plain[:-12] + chunk(b"tEXt", name) + plain[-12:]
    files["behind"] = plain + name
    files["more-rows"] = hidden
    files["behind-stream"] = makers.PNG_MAGIC + hidden[8:33] + b"".join(
        (chunk(b"IDAT", zlib.compress(b"\0\1\2\0\3\4") + name), chunk(b"IEND", b""))
    )
    files["other-stream"] = makers.PNG_MAGIC + hidden[8:33] + b"".join(
        (chunk(b"IDAT", zlib.compress(b"\0\1\2\0\3\4")), chunk(b"IDAT", name), chunk(b"IEND", b""))
    )
    return files


def other_files_with_names() -> dict[str, bytes]:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (270, 305, 306, 315, 316, 33432, 65000):
        tags[tag] = NAME
    plain = FORMATS["webp"]
    exif, xmp = makers.exif_block(1, NAME), f"<x>{NAME}</x>".encode()
    riff = plain + b"EXIF" + len(exif).to_bytes(4, "little") + exif
    return {
        "tiff": makers.encoded(makers.texture(), "TIFF", tiffinfo=tags),
        "tiff-behind": FORMATS["tiff"] + NAME.encode(),
        "tiff-slack": FORMATS["tiff"][:8] + FORMATS["tiff"][8:] + b"\0" + NAME.encode(),
        "webp": makers.encoded(makers.texture(), "WEBP", exif=exif, xmp=xmp, icc_profile=profile(NAME)),
        "webp-lossless": makers.encoded(makers.texture(), "WEBP", lossless=True, exif=exif, xmp=xmp),
        "webp-alpha": makers.encoded(makers.see_through(), "WEBP", exif=exif),
        "webp-turned": makers.encoded(makers.texture(), "WEBP", exif=makers.exif_block(3, NAME)),
        "webp-behind": plain + NAME.encode(),
        "webp-chunk": riff[:4] + (len(riff) - 8).to_bytes(4, "little") + riff[8:],
        "bmp-behind": FORMATS["bmp"] + NAME.encode(),
    }


NAMED = {
    **{f"jpeg-{what}": data for what, data in jpegs_with_names().items()},
    **{f"png-{what}": data for what, data in pngs_with_names().items()},
    **other_files_with_names(),
}


@pytest.mark.parametrize("what", NAMED)
def test_no_name_is_kept_and_no_pixel_is_changed(what: str) -> None:
    data = NAMED[what]
    assert name_is_in(data)
    before = decode(data, LIMITS)
    kept = scrub(data, before)
    assert not name_is_in(kept.data)
    assert np.array_equal(decode(kept.data, LIMITS).pixels, before.pixels)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_kept_is_shown_by_browsers_with_the_same_pixels(name: str) -> None:
    data = FORMATS[name]
    kept = scrubbed(data)
    with Image.open(BytesIO(kept.data)) as image:
        assert image.format == BROWSER_TYPES[kept.content_type]
        assert image.mode != "CMYK"
        assert not set(image.info) & {"exif", "xmp", "icc_profile", "comment", "dpi", "photoshop"}
        assert image.getexif() == {}
    assert np.array_equal(decode(kept.data, LIMITS).pixels, decode(data, LIMITS).pixels)


@pytest.mark.parametrize("name", ["jpeg", "progressive", "grey", "png", "interlaced", "webp"])
def test_a_plain_picture_keeps_its_format_and_its_compression(name: str) -> None:
    data = FORMATS[name]
    kept = scrubbed(data)
    assert decode(data, LIMITS).header.content_type == kept.content_type
    assert len(kept.data) <= len(data)


def test_scrubbing_twice_changes_nothing() -> None:
    for data in NAMED.values():
        once = scrubbed(data)
        assert scrubbed(once.data) == once


def test_what_lay_below_transparency_is_gone() -> None:
    kept = scrubbed(makers.encoded(makers.see_through(), "PNG"))
    with Image.open(BytesIO(kept.data)) as image:
        assert image.mode == "RGB"


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(range(0xE0, 0xF0)), st.text(min_size=1, max_size=200), st.integers(1, 8))
def test_no_application_segment_survives(marker: int, text: str, orientation: int) -> None:
    planted = segment(marker, b"junk" + NAME.encode() + text.encode("utf-8", "replace"))
    turned = segment(0xE1, makers.exif_block(orientation, NAME))
    data = makers.jpeg_with(FORMATS["jpeg"], planted, turned, planted)
    before = decode(data, LIMITS)
    kept = scrub(data, before)
    assert NAME.encode() not in kept.data
    assert np.array_equal(decode(kept.data, LIMITS).pixels, before.pixels)


@settings(deadline=None, max_examples=60)
@given(st.from_regex(r"[a-z][a-zA-Z]{3}", fullmatch=True), st.binary(max_size=200))
def test_no_ancillary_chunk_survives(name: str, body: bytes) -> None:
    if name in ("tRNS", "acTL", "eXIf"):
        return
    data = makers.png_with(FORMATS["png"], chunk(name.encode(), NAME.encode() + body))
    kept = scrubbed(data)
    assert NAME.encode() not in kept.data
    assert np.array_equal(decode(kept.data, LIMITS).pixels, decode(FORMATS["png"], LIMITS).pixels)
