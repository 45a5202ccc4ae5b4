"""What the first bytes say, and what is refused before a pixel is decoded."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.imaging.errors import Unreadable
from models.imaging.header import read_header
from models.imaging.limits import Limits
from tests.unit.models.imaging import makers
from tests.unit.models.imaging.makers import LIMITS

PROJECT = Path(__file__).parents[4]
ONE_PAGE = {
    256: (3, (4,)),
    257: (3, (3,)),
    258: (3, (8,)),
    259: (3, (1,)),
    262: (3, (1,)),
    273: (4, (400,)),
    277: (3, (1,)),
    279: (4, (12,)),
}


def refusal(data: bytes, limits: Limits = LIMITS) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read_header(data, limits)
    return caught.value


@pytest.mark.parametrize("name", makers.every_format())
def test_every_format_tells_its_size(name: str) -> None:
    data = makers.every_format()[name]
    header = read_header(data, LIMITS)
    assert (header.width, header.height) == ((64, 48) if name in ("deep", "tiff-deep") else (80, 60))
    assert header.content_type.startswith("image/")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-an-image"),
        (b"Patient is well.\n", "not-an-image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
        (bytes(5000), "not-an-image"),
        (b"GIF89a" + bytes(50), "unsupported"),
        (b"%PDF-1.7 ...", "unsupported"),
        (b"PK\x03\x04" + bytes(50), "unsupported"),
        (bytes(128) + b"DICM" + bytes(50), "unsupported"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "unsupported"),
        (b"\xff\xd8\xff", "truncated"),
        (makers.PNG_MAGIC, "truncated"),
        (b"RIFF\x10\0\0\0WEBP", "truncated"),
        (b"BM\x02", "truncated"),
        (b"II\x2a\0", "broken"),
        (b"MM\0\x2b\0\x08\0\0" + bytes(50), "unsupported"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(data: bytes, code: str) -> None:
    refused = refusal(data)
    assert refused.code == code
    assert refused.message.endswith(".")
    assert str(refused) == refused.message


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "smear.jpg"
    path.write_bytes(makers.every_format()["png"])
    assert read_header(path.read_bytes(), LIMITS).format == "png"


def test_too_many_bytes_are_refused_before_anything_is_read() -> None:
    refused = refusal(b"x" * 101, Limits(max_bytes=100, max_pixels=100))
    assert refused.code == "too-many-bytes"


@pytest.mark.parametrize("name", makers.every_format())
def test_too_many_pixels_are_refused_from_the_header(name: str) -> None:
    refused = refusal(makers.every_format()[name], Limits(max_bytes=10**6, max_pixels=3000))
    assert refused.code == "too-many-pixels"
    assert "export" in refused.message


def test_a_picture_one_pixel_high_and_very_long_is_refused() -> None:
    assert refusal(makers.png_of(70_000, 1, 8, 0, bytes(70_001))).code == "too-many-pixels"


def test_the_bomb_of_169_megapixels_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(makers.huge_png(13_000))
    assert path.stat().st_size < 200_000
    code = (
        "import resource, sys, time\n"
        "from pathlib import Path\n"
        "from models.imaging.decode import decode\n"
        "from models.imaging.errors import Unreadable\n"
        "from models.imaging.limits import Limits\n"
        "data = Path(sys.argv[1]).read_bytes()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "start = time.thread_time()\n"
        "try:\n"
        "    decode(data, Limits(max_bytes=10**7, max_pixels=4 * 10**7))\n"
        "except Unreadable as refused:\n"
        "    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    print(refused.code, time.thread_time() - start, after - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    refused, seconds, kilobytes = done.stdout.split()
    assert refused == "too-many-pixels"
    assert float(seconds) < 0.05
    assert int(kilobytes) < 30_000


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_from_every_format_that_has_one(orientation: int) -> None:
    exif = makers.exif_block(orientation)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = makers.encoded(makers.texture(), kind, exif=exif)
        assert read_header(data, LIMITS).orientation == orientation


def test_an_absurd_orientation_is_none() -> None:
    jpeg = makers.every_format()["jpeg"]
    far = b"Exif\0\0II\x2a\0\xff\xff\xff\xff"
    for block in (makers.exif_block(77), far, b"Exif\0\0", b"Exif\0\0garbage"):
        assert read_header(makers.jpeg_with(jpeg, makers.segment(0xE1, block)), LIMITS).orientation == 1


def test_animations_are_refused() -> None:
    frames = [makers.texture(), makers.texture().rotate(180)]
    for kind in ("PNG", "WEBP"):
        data = makers.encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert refusal(data).code == "animated"


def test_a_tiff_with_two_pages_is_refused_and_one_with_a_reduced_copy_is_not() -> None:
    second = makers.texture(40, 30)
    two = makers.encoded(makers.texture(), "TIFF", save_all=True, append_images=[second])
    assert refusal(two).code == "too-many-pages"
    second.encoderinfo = {"tiffinfo": {254: 1}}
    with_copy = makers.encoded(makers.texture(), "TIFF", save_all=True, append_images=[second])
    assert read_header(with_copy, LIMITS).width == 80


def test_a_tiff_of_thousands_of_pages_is_refused_quickly() -> None:
    pages = b"".join(makers.tiff_of({254: (4, (1,))}, following=26 + 18 * n)[8:] for n in range(1, 5000))
    data = b"II\x2a\0" + (8).to_bytes(4, "little") + pages
    start = time.thread_time()
    assert refusal(data).code == "too-many-pages"
    assert time.thread_time() - start < 0.05


def test_a_tiff_whose_directories_run_in_a_circle_is_refused() -> None:
    assert refusal(makers.tiff_of({**ONE_PAGE, 254: (4, (1,))}, following=8)).code == "broken"


@pytest.mark.parametrize(
    ("tag", "value", "code"),
    [
        (256, (4, (0,)), "broken"),
        (256, (4, (2**31,)), "too-many-pixels"),
        (257, (4, (1, 2)), "broken"),
        (258, (3, (64,)), "unsupported"),
        (258, (3, (8, 8, 8, 8, 8, 8)), "broken"),
        (259, (3, (34887,)), "unsupported"),
        (262, (3, (32803,)), "unsupported"),
        (339, (3, (3,)), "unsupported"),
    ],
)
def test_absurd_tiff_tags_are_refused(tag: int, value: tuple[int, tuple[int, ...]], code: str) -> None:
    assert refusal(makers.tiff_of({**ONE_PAGE, tag: value}, bytes(500))).code == code


def test_measured_values_are_refused_as_such() -> None:
    data = makers.encoded(Image.fromarray(np.ones((3, 4), np.float32)), "TIFF")
    assert refusal(data).code == "unsupported"


def test_a_jpeg_with_no_height_or_twelve_bits_is_refused() -> None:
    jpeg = makers.every_format()["grey"]
    frame = jpeg.index(b"\xff\xc0")
    flat = jpeg[: frame + 5] + b"\0\0" + jpeg[frame + 7 :]
    deep = jpeg[: frame + 4] + b"\x0c" + jpeg[frame + 5 :]
    assert (refusal(flat).code, refusal(deep).code) == ("broken", "unsupported")


def test_a_png_of_no_size_or_with_a_wrong_checksum_is_refused() -> None:
    png = makers.every_format()["png"]
    assert refusal(makers.png_of(0, 5, 8, 0, b"")).code == "broken"
    assert refusal(png[:29] + b"\0\0\0\0" + png[33:]).code == "broken"


def test_a_webp_whose_canvas_contradicts_its_picture_is_refused() -> None:
    webp = makers.every_format()["webp"]
    picture = (b"VP8 ", webp[20 : 20 + int.from_bytes(webp[16:20], "little")])
    canvas = (b"VP8X", bytes(4) + b"\xff\xff\x00\xff\xff\x00")
    assert refusal(makers.riff(canvas, picture)).code == "broken"
    assert refusal(makers.riff(picture, picture)).code == "broken"
