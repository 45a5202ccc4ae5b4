"""TIFF as microscopes write it: 16 bits, compressed, tiled, BigTIFF, and large."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from config import load_settings
from models.imaging.decode import decode
from models.imaging.errors import Unreadable
from models.imaging.header import read_header
from models.imaging.limits import Limits
from models.imaging.scrub import scrub
from tests.unit.models.imaging import makers
from tests.unit.models.imaging.makers import LIMITS

tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed: it comes with requirements.txt")

DEEP = np.linspace(0, 65535, 50 * 70 * 3).astype(np.uint16).reshape(50, 70, 3)
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "big-endian": {"byteorder": ">"},
    "strips": {"rowsperstrip": 7},
    "deflate": {"compression": "zlib"},
    "deflate, differences": {"compression": "zlib", "predictor": True},
    "big-endian deflate": {"byteorder": ">", "compression": "zlib"},
    "tiles": {"tile": (32, 16)},
    "deflated tiles": {"tile": (32, 16), "compression": "zlib"},
    "BigTIFF": {"bigtiff": True},
    "BigTIFF of tiles": {"bigtiff": True, "tile": (16, 16)},
}


def written(values: NDArray[Any], **options: Any) -> bytes:
    buffer = BytesIO()
    kind = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(buffer, values, photometric=kind, metadata=None, **options)
    return buffer.getvalue()


def lzw(raw: bytes) -> bytes:
    """The bytes as libtiff's LZW, which does not care what they mean."""
    data = makers.encoded(Image.frombytes("L", (len(raw), 1), raw), "TIFF", compression="tiff_lzw")
    with Image.open(BytesIO(data)) as image:
        start, size = image.tag_v2[273][0], image.tag_v2[279][0]
    return data[start : start + size]


@pytest.mark.parametrize("way", WAYS)
def test_sixteen_bits_of_colour_keep_their_upper_eight(way: str) -> None:
    picture = decode(written(DEEP, **WAYS[way]), LIMITS)
    assert np.array_equal(picture.pixels, (DEEP >> 8).astype(np.uint8))
    assert picture.notes == ("16-bit samples were reduced to 8 bits.",)


@pytest.mark.parametrize("way", WAYS)
def test_sixteen_bits_of_grey_keep_their_upper_eight(way: str) -> None:
    grey = np.ascontiguousarray(DEEP[..., 1])
    pixels = decode(written(grey, **WAYS[way]), LIMITS).pixels
    assert np.array_equal(pixels, np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2))


def test_sixteen_bits_of_colour_in_lzw() -> None:
    body = lzw(DEEP.astype("<u2").tobytes())
    tags = {256: (3, (70,)), 257: (3, (50,)), 258: (3, (16, 16, 16)), 259: (3, (5,)), 262: (3, (2,)), 277: (3, (3,)),
            273: (4, (400,)), 279: (4, (len(body),)), 278: (3, (50,)), 284: (3, (1,))}
    data = makers.tiff_of(tags).ljust(400, b"\0") + body
    assert np.array_equal(decode(data, LIMITS).pixels, (DEEP >> 8).astype(np.uint8))


def test_a_deep_tiff_is_kept_as_a_picture_that_browsers_show() -> None:
    data = written(DEEP)
    kept = scrub(data, decode(data, LIMITS))
    assert kept.content_type == "image/png"
    assert np.array_equal(decode(kept.data, LIMITS).pixels, (DEEP >> 8).astype(np.uint8))


def test_a_tiff_of_100_megabytes_is_accepted_by_default_and_refused_past_the_limit(tmp_path: Path) -> None:
    settings = load_settings({"PORTAL_INSTANCE": str(tmp_path)})
    limits = Limits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)
    height, width = 100 * 1024 * 1024 // (4000 * 6), 4000
    rows = width * height * 6
    tags = {256: (4, (width,)), 257: (4, (height,)), 258: (3, (16, 16, 16)), 259: (3, (1,)), 262: (3, (2,)),
            277: (3, (3,)), 273: (4, (400,)), 279: (4, (rows,)), 278: (4, (height,))}
    data = makers.tiff_of(tags).ljust(400, b"\0") + bytes(rows)
    assert (read_header(data, limits).width, read_header(data, limits).bits) == (width, 16)
    with pytest.raises(Unreadable, match="larger than the 105 MB"):
        read_header(data + bytes(limits.max_bytes), limits)


@pytest.mark.slow
def test_a_tiff_of_100_megabytes_takes_less_than_half_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    noise = np.random.default_rng(0).integers(0, 256, (5700, 5840, 3), np.uint8)
    tifffile.imwrite(path, noise, photometric="rgb")
    program = (
        "import re, sys; from pathlib import Path; from models.imaging.decode import decode; "
        "from models.imaging.limits import Limits; data = Path(sys.argv[1]).read_bytes(); "
        "picture = decode(data, Limits(max_bytes=105_000_000, max_pixels=40_000_000)); "
        # Not getrusage: its highest value counts the test process that this one was forked from.
        "status = Path('/proc/self/status').read_text(); "
        "print(picture.width, re.search(r'VmHWM:\\s+(\\d+)', status)[1])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    width, kilobytes = (int(word) for word in done.stdout.split())
    assert (width, kilobytes < 500_000) == (5840, True)
