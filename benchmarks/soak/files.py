"""What is sent: good pictures, the same again, broken ones and hostile ones; the same for the same seed."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from models.imaging.drawn import draw_smear

GOOD, AGAIN, BROKEN, HOSTILE = "good", "the same again", "broken", "hostile"
_SHARES = ((GOOD, 0.55), (AGAIN, 0.15), (BROKEN, 0.2), (HOSTILE, 0.1))
_KINDS = (("JPEG", {"quality": 90}), ("JPEG", {"progressive": True}), ("PNG", {"compress_level": 1}),
          ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"quality": 85}), ("BMP", {}))
_SEEDS = 8


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One file and the sort it is of."""

    sort: str
    name: str
    data: bytes


def files(number: int, seed: int) -> Iterator[Sent]:
    """So many files."""
    chance, pictures, before = random.Random(seed), _pictures(), list[bytes]()  # noqa: S311
    sorts, weights = zip(*_SHARES, strict=True)
    for index in range(number):
        sort = chance.choices(sorts, weights)[0] if before else GOOD
        if sort == AGAIN:
            data = chance.choice(before)
        elif sort == HOSTILE:
            data = chance.choice(_HOSTILE)(chance)
        else:
            data = _renamed(chance.choice(pictures), index)
            if sort == BROKEN:
                data = broken(chance, data)
            else:
                before.append(data)
                del before[:-200]
        yield Sent(sort=sort, name=f"file-{index:06}.{chance.choice(('jpg', 'png', 'tif'))}", data=data)


def broken(chance: random.Random, data: bytes) -> bytes:
    """Bytes changed, cut off, doubled or swapped."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        at = chance.randrange(len(made)) if chance.random() < 0.5 else chance.randrange(min(400, len(made)))
        made[at] = chance.randrange(256)
    if chance.random() < 0.3:
        del made[chance.randrange(1, len(made)):]
    return bytes(made)


def _pictures() -> list[bytes]:
    made = []
    for seed in range(_SEEDS):
        smear = Image.fromarray(draw_smear(seed))
        for kind, options in _KINDS:
            buffer = io.BytesIO()
            smear.save(buffer, kind, **options)
            made.append(buffer.getvalue())
    return made


def _renamed(data: bytes, index: int) -> bytes:
    """The same picture as other bytes, by what a decoder does not look at."""
    told = f"number {index:08}".encode()
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(told) + 2) + told + data[2:]
    if data.startswith(b"\x89PNG"):
        return data[:33] + _chunk(b"tEXt", b"n\0" + told) + data[33:]
    return data + told


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))


def _png(width: int, height: int, body: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _bomb(chance: random.Random) -> bytes:
    """Within the limit on pixels, from a few KB."""
    side = chance.randrange(2000, 6000)
    return _png(side, side, zlib.compress(bytes((3 * side + 1) * side), 9))


def _over_the_limit(chance: random.Random) -> bytes:
    return _png(chance.randrange(20_000, 60_000), 20_000, zlib.compress(bytes(1000)))


def _many_scans(chance: random.Random) -> bytes:
    """A progressive JPEG whose last scan comes a hundred times."""
    buffer = io.BytesIO()
    Image.fromarray(draw_smear(chance.randrange(3))).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * chance.randrange(50, 120) + data[-2:]


def _lying_tiff(chance: random.Random) -> bytes:
    """Promises forty megapixels and points anywhere."""
    tags = ((256, 6000), (257, 6000), (258, 8), (259, chance.choice((1, 5, 7, 8))), (262, 1), (273, 8),
            (277, 1), (278, chance.randrange(1, 7000)), (279, chance.randrange(1 << 31)))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II\x2a\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + chance.randbytes(2000)


def _noise(chance: random.Random) -> bytes:
    return chance.choice((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x10\0\0WEBP", b"BM", b"")) + \
        chance.randbytes(chance.randrange(1, 5000))


_HOSTILE = (_bomb, _over_the_limit, _many_scans, _lying_tiff, _noise)
