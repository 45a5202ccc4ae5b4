"""Makes the files that the imaging tests need; nothing binary is kept in the repository."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.imaging.limits import Limits

LIMITS = Limits(max_bytes=2_000_000, max_pixels=4_000_000)
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def texture(width: int = 80, height: int = 60, mode: str = "RGB") -> Image.Image:
    """A picture with detail everywhere and no two equal corners."""
    rng = np.random.default_rng(7)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def every_format() -> dict[str, bytes]:
    """One ordinary file of each kind that is read."""
    plain = texture()
    return {
        "jpeg": encoded(plain, "JPEG", quality=85),
        "progressive": encoded(plain, "JPEG", progressive=True),
        "cmyk": encoded(texture(mode="CMYK"), "JPEG"),
        "grey": encoded(texture(mode="L"), "JPEG"),
        "png": encoded(plain, "PNG"),
        "palette": encoded(plain.quantize(16), "PNG"),
        "interlaced": interlaced_png(np.asarray(plain)),
        "deep": encoded(Image.fromarray(deep_grey()), "PNG"),
        "tiff": encoded(plain, "TIFF"),
        "tiff-lzw": encoded(plain, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": encoded(plain, "TIFF", compression="jpeg"),
        "tiff-deep": encoded(Image.fromarray(deep_grey()), "TIFF"),
        "bigtiff": encoded(plain, "TIFF", big_tiff=True),
        "webp": encoded(plain, "WEBP"),
        "webp-lossless": encoded(plain, "WEBP", lossless=True),
        "webp-alpha": encoded(see_through(), "WEBP"),
        "bmp": encoded(plain, "BMP"),
    }


def deep_grey(width: int = 64, height: int = 48) -> NDArray[np.uint16]:
    """A ramp over all 16 bits."""
    return np.linspace(0, 65535, width * height).astype(np.uint16).reshape(height, width)


def see_through() -> Image.Image:
    """A picture whose left half is transparent, with something written below the transparency."""
    image = texture(mode="RGBA")
    image.putalpha(Image.fromarray(np.tile(np.repeat(np.array([0, 255], np.uint8), 40), (60, 1))))
    return image


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int, bits: int, kind: int, rows: bytes, *, interlaced: int = 0) -> bytes:
    """A PNG from its raw rows, filter bytes included."""
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return PNG_MAGIC + b"".join(parts)


def png_with(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks behind its IHDR."""
    return data[:33] + b"".join(chunks) + data[33:]


def interlaced_png(pixels: NDArray[np.uint8]) -> bytes:
    starts = ((0, 0), (4, 0), (0, 4), (2, 0), (0, 2), (1, 0), (0, 1))
    steps = ((8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2))
    rows = b"".join(
        b"\0" + row.tobytes()
        for (left, top), (across, down) in zip(starts, steps, strict=True)
        for row in pixels[top::down, left::across]
    )
    return png_of(pixels.shape[1], pixels.shape[0], 8, 2, rows, interlaced=1)


def huge_png(side: int) -> bytes:
    """A small file of `side` × `side` black pixels."""
    squeeze = zlib.compressobj(9)
    body = b"".join(squeeze.compress(bytes(side + 1)) for _ in range(side)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return PNG_MAGIC + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_with(data: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments at its start."""
    return data[:2] + b"".join(segments) + data[2:]


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) & 1) for name, body in chunks]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff_of(
    tags: dict[int, tuple[int, tuple[int, ...]]], tail: bytes = b"", following: int = 0, order: str = "<"
) -> bytes:
    """A TIFF of one directory at 8; tags are {tag: (kind, values)}, kind 3 or 4."""
    count = len(tags)
    beyond_at = 8 + 2 + 12 * count + 4
    entries, beyond = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            where = struct.pack(order + "I", beyond_at + len(beyond))
            beyond += packed
        else:
            where = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + where
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, count)
    return head + entries + struct.pack(order + "I", following) + beyond + tail


def exif_block(orientation: int = 1, artist: str = "") -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    if artist:
        exif[315] = artist
    return exif.tobytes()
