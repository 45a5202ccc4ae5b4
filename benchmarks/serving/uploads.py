"""What is sent: smears that are all different files, a text with a picture's name, and a bomb."""

from __future__ import annotations

import struct
import zlib
from itertools import count

from benchmarks.serving.client import Upload

BOMB_SIDE = 13_000
_COMMENT = b"\xff\xfe"


class Smears:
    """An endless row of JPEG smears, no two the same bytes: no server can answer from what it keeps."""

    def __init__(self, pictures: list[bytes]) -> None:
        self._pictures = pictures
        self._numbers = count()

    def take(self, number: int) -> list[Upload]:
        """The next smears: the pictures in turn, each with a comment segment of its own."""
        return [self._next() for _ in range(number)]

    def _next(self) -> Upload:
        number = next(self._numbers)
        picture = self._pictures[number % len(self._pictures)]
        comment = f"request {number:08}".encode()
        segment = _COMMENT + struct.pack(">H", len(comment) + 2) + comment
        return Upload(name=f"smear-{number:08}.jpg", data=picture[:2] + segment + picture[2:])


def text_as_jpeg() -> Upload:
    """A text file that somebody named .jpg."""
    return Upload(name="notes.jpg", data=b"Blood smear, seen on Friday. This is a text.\n" * 20)


def bomb() -> Upload:
    """A valid grey PNG of 13,000×13,000 pixels in 160 KB; as RGB it takes half a gigabyte."""
    squeeze = zlib.compressobj(9)
    row = b"\0" * (BOMB_SIDE + 1)
    rows = b"".join([*(squeeze.compress(row) for _ in range(BOMB_SIDE)), squeeze.flush()])
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    return Upload(name="large.png", data=data, kind="image/png")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
