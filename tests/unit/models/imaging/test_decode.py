"""From untrusted bytes to upright RGB pixels, or to a reason."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.imaging.decode import Picture, decode
from models.imaging.errors import Unreadable
from tests.unit.models.imaging import makers
from tests.unit.models.imaging.makers import LIMITS

FORMATS = makers.every_format()
FOUR_BY_THREE = {256: (3, (4,)), 257: (3, (3,)), 258: (3, (8,)), 259: (3, (8,)), 262: (3, (1,))}
LOSSLESS = ("png", "interlaced", "tiff", "tiff-lzw", "bigtiff", "webp-lossless", "bmp")


def refusal(data: bytes) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        decode(data, LIMITS)
    return caught.value


def grey_at(data: bytes) -> list[int]:
    """First and last pixel, once the picture is known to be grey."""
    pixels = decode(data, LIMITS).pixels
    assert (pixels == pixels[..., :1]).all()
    return [int(pixels[0, 0, 0]), int(pixels[-1, -1, 0])]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_becomes_rgb(name: str) -> None:
    picture = decode(FORMATS[name], LIMITS)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (picture.height, picture.width, 3)
    assert picture.pixels.flags.c_contiguous


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_keep_every_pixel(name: str) -> None:
    assert np.array_equal(decode(FORMATS[name], LIMITS).pixels, np.asarray(makers.texture()))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGBA", "LA"])
def test_tiff_of_every_colour_system_is_converted_as_expected(mode: str) -> None:
    image = makers.texture(mode=mode) if mode != "LA" else makers.texture(mode="L").convert("LA")
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(decode(makers.encoded(image, "TIFF"), LIMITS).pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_picture_is_turned_upright(kind: str, orientation: int) -> None:
    data = makers.encoded(makers.texture(), kind, exif=makers.exif_block(orientation))
    plain = decode(makers.encoded(makers.texture(), kind), LIMITS).pixels
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    expected = Image.fromarray(plain)
    if orientation in turns:
        expected = expected.transpose(turns[orientation])
    picture = decode(data, LIMITS)
    assert np.array_equal(picture.pixels, np.asarray(expected))
    assert bool(picture.notes) == (orientation != 1)


def test_cmyk_looks_like_the_picture_it_was_made_from() -> None:
    original = np.asarray(makers.texture()).astype(int)
    plain = makers.encoded(makers.texture(mode="CMYK"), "JPEG", quality=95)
    picture = decode(plain, LIMITS)
    assert np.abs(picture.pixels - original).mean() < 8
    assert "CMYK" in picture.notes[0]


def test_cmyk_without_the_adobe_mark_is_not_inverted() -> None:
    plain = makers.encoded(makers.texture(mode="CMYK"), "JPEG", quality=95)
    start = plain.index(b"\xff\xee")
    end = start + 2 + int.from_bytes(plain[start + 2 : start + 4], "big")
    unmarked = decode(plain[:start] + plain[end:], LIMITS).pixels
    ink = 255 - np.asarray(makers.texture(mode="CMYK"))
    expected = np.asarray(Image.fromarray(ink, "CMYK").convert("RGB")).astype(int)
    assert np.abs(unmarked - expected).mean() < 8


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_deep_grey_is_scaled_and_not_clipped(kind: str) -> None:
    data = makers.encoded(Image.fromarray(makers.deep_grey()), kind)
    expected = makers.deep_grey() / 257
    picture = decode(data, LIMITS)
    assert np.abs(picture.pixels[..., 0] - expected).max() <= 1
    assert "16-bit" in picture.notes[0]


def test_deep_colour_png_is_scaled_and_not_clipped() -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 256 * n, 65535 - 256 * n, 128 * 257) for n in range(200))
    pixels = decode(makers.png_of(1, 200, 16, 2, rows), LIMITS).pixels
    assert pixels[0, 0].tolist() == [0, 255, 128]
    assert pixels[199, 0].tolist() == [199, 56, 128]


def deep_tiff(photometric: int, samples: int, planes: int = 1, order: str = "<") -> bytes:
    values = struct.pack(order + "6H", 0, 65535, 257 * 3, 65535, 0, 0)
    tags = {
        256: (3, (6 // samples,)),
        257: (3, (1,)),
        258: (3, (16,) * samples),
        259: (3, (1,)),
        262: (3, (photometric,)),
        277: (3, (samples,)),
        273: (4, (300,)),
        279: (4, (12,)),
        284: (3, (planes,)),
    }
    return makers.tiff_of(tags, order=order).ljust(300, b"\0") + values


@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_colour_tiff_is_scaled_and_not_clipped(order: str) -> None:
    assert decode(deep_tiff(2, 3, order=order), LIMITS).pixels.tolist() == [[[0, 255, 3], [255, 0, 0]]]


@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_grey_tiff_where_zero_is_white_is_turned_over(order: str) -> None:
    turned, straight = (decode(deep_tiff(kind, 1, order=order), LIMITS).pixels[0, :, 0] for kind in (0, 1))
    assert turned.tolist() == [255, 0, 252, 0, 255, 255]
    assert straight.tolist() == [0, 255, 3, 255, 0, 0]


def test_deep_colours_in_separate_planes_are_refused() -> None:
    assert refusal(deep_tiff(2, 3, planes=2)).code == "unsupported"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_transparency_is_laid_on_white(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = decode(makers.encoded(makers.see_through(), kind, **options), LIMITS)
    assert (picture.pixels[:, :40] == 255).all()
    assert np.array_equal(picture.pixels[:, 40:], np.asarray(makers.texture())[:, 40:])
    assert "white" in picture.notes[0]


def test_a_transparent_palette_colour_is_laid_on_white() -> None:
    flat = Image.new("P", (4, 4))
    flat.putpalette([10, 20, 30, 200, 100, 50])
    flat.putpixel((3, 3), 1)
    pixels = decode(makers.encoded(flat, "PNG", transparency=0), LIMITS).pixels
    assert [pixels[0, 0].tolist(), pixels[3, 3].tolist()] == [[255, 255, 255], [200, 100, 50]]


def test_bilevel_and_two_bit_pictures_are_grey() -> None:
    assert grey_at(makers.png_of(8, 2, 1, 0, b"\0\x7f\0\x01")) == [0, 255]
    assert grey_at(makers.png_of(4, 1, 2, 0, b"\0\x1b")) == [0, 255]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98])
def test_a_file_cut_short_is_refused(name: str, share: float) -> None:
    data = FORMATS[name]
    refused = refusal(data[: int(len(data) * share)])
    assert refused.code in ("truncated", "broken")


@pytest.mark.parametrize("name", ["jpeg", "progressive", "grey", "png", "webp", "bmp"])
def test_an_incomplete_file_is_called_that(name: str) -> None:
    refused = refusal(FORMATS[name][: len(FORMATS[name]) * 2 // 3])
    assert (refused.code, "copy or export it again" in refused.message) == ("truncated", True)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
def test_a_jpeg_cut_and_closed_again_is_still_incomplete(mode: str, progressive: bool, share: float) -> None:
    data = makers.encoded(makers.texture(320, 240, mode), "JPEG", progressive=progressive)
    cut = int(len(data) * share)
    cut -= data[cut - 1] == 0xFF
    assert refusal(data[:cut] + b"\xff\xd9").code == "truncated"


@pytest.mark.parametrize("colour", ["black", "white", (128, 128, 128)])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_flat_jpeg_is_not_taken_for_an_incomplete_one(colour: str, progressive: bool) -> None:
    flat = Image.new("RGB", (70, 50), colour)
    assert decode(makers.encoded(flat, "JPEG", progressive=progressive), LIMITS).width == 70


@pytest.mark.parametrize("name", ["zTXt", "iTXt", "iCCP"])
def test_a_bomb_in_a_text_chunk_is_never_unpacked(name: str) -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    body = {"zTXt": b"Title\0\0", "iTXt": b"Title\0\1\0\0\0", "iCCP": b"profile\0\0"}[name] + bomb
    data = makers.png_with(FORMATS["png"], *[makers.chunk(name.encode(), body)] * 20)
    assert np.array_equal(decode(data, LIMITS).pixels, np.asarray(makers.texture()))


def test_a_png_that_holds_more_than_its_picture_is_decoded_but_not_kept() -> None:
    plain = makers.png_of(2, 2, 8, 0, b"\0\1\2\0\3\4")
    extra = makers.png_of(2, 2, 8, 0, b"\0\1\2\0\3\4" + bytes(10**6))
    assert decode(plain, LIMITS).keepable
    assert not decode(extra, LIMITS).keepable
    assert refusal(makers.png_of(2, 2, 8, 0, b"\0\1\2\0\3")).code == "truncated"


def test_unknown_critical_parts_of_a_png_are_refused() -> None:
    data = makers.png_with(FORMATS["png"], makers.chunk(b"CgBI", b"\x50\0\x20\2"))
    assert refusal(data).code == "unsupported"


def test_a_jpeg_of_thousands_of_scans_is_refused() -> None:
    data = FORMATS["progressive"]
    scan = data[data.index(b"\xff\xda") : -2]
    assert refusal(data[:-2] + scan[: scan.index(b"\xff\xc4")] * 300 + b"\xff\xd9").code == "broken"


def test_a_tiff_strip_outside_the_file_is_refused() -> None:
    strips = {273: (4, (9999,)), 279: (4, (12,))}
    assert refusal(makers.tiff_of({**FOUR_BY_THREE, **strips})).code == "truncated"


def test_a_tiff_tile_of_absurd_size_is_refused() -> None:
    tiles = {322: (4, (2**30,)), 323: (4, (2**30,)), 324: (4, (8,)), 325: (4, (12,))}
    assert refusal(makers.tiff_of({**FOUR_BY_THREE, **tiles})).code == "broken"


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A file of any format with some bytes changed, a piece moved, or its end cut off."""
    data = bytearray(FORMATS[draw(st.sampled_from(sorted(FORMATS)))])
    near_start = st.integers(0, min(len(data) - 1, 200))
    anywhere = st.integers(0, len(data) - 1)
    for position, value in draw(st.lists(st.tuples(near_start | anywhere, st.integers(0, 255)), max_size=8)):
        data[position] = value
    start, length, target = draw(anywhere), draw(st.integers(0, 40)), draw(anywhere)
    data[target:target] = data[start : start + length]
    return bytes(data[: draw(anywhere | st.just(len(data)))])


@settings(deadline=None, max_examples=300)
@given(damaged_files())
def test_a_damaged_file_is_a_picture_or_unreadable_and_nothing_else(data: bytes) -> None:
    try:
        picture = decode(data, LIMITS)
    except Unreadable:
        return
    assert isinstance(picture, Picture)
    assert picture.pixels.size <= 3 * LIMITS.max_pixels


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([b"\xff\xd8\xff", makers.PNG_MAGIC, b"II\x2a\0", b"BM", b"RIFFxxxxWEBP"]), st.binary())
def test_noise_is_unreadable(magic: bytes, noise: bytes) -> None:
    refusal(magic + noise)
