"""Image files that the tests make themselves."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
from PIL import Image

from models.imaging.drawn import draw_smear


def encode(pixels: np.ndarray[Any, Any], kind: str = "PNG", **options: Any) -> bytes:
    """The pixels as a file of this kind."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def smear(seed: int = 1, kind: str = "PNG", **options: Any) -> bytes:
    """A drawn blood smear."""
    return encode(draw_smear(seed), kind, **options)


def blank(side: int = 300) -> bytes:
    """An empty white picture."""
    return encode(np.full((side, side, 3), 255, np.uint8))


def huge_png(side: int = 13_000) -> bytes:
    """A small file of a huge picture: `side` × `side` white pixels, compressed row by row."""
    compressor = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (side // 8 + (side % 8 > 0))
    body = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    header = side.to_bytes(4, "big") * 2 + bytes((1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
