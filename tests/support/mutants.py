"""Files of every kind that is read, and damaged copies of them; the same for the same seed and number."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
import zlib
from pathlib import Path

import tifffile

from tests.unit.models.imaging import makers
from tests.unit.models.slides import vendors
from tests.unit.models.slides.made import painted

SEED = int(os.environ.get("PORTAL_FUZZ_SEED") or 20_261_121)
NIGHTLY = os.environ.get("PORTAL_NIGHTLY") == "1"
_LARGEST_REAL = 200_000
_VALUES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
_PNG = b"\x89PNG\r\n\x1a\n"


def pictures(real: Path | None) -> dict[str, bytes]:
    """Drawn ones of every kind; and real ones, where they are."""
    found = dict(makers.every_format())
    for compression in ("packbits", "tiff_adobe_deflate"):
        found[f"tiff-{compression}"] = makers.encoded(makers.texture(), "TIFF", compression=compression)
    found["jpeg-turned"] = makers.encoded(makers.texture(), "JPEG", exif=makers.exif_block(6, "somebody"))
    tiled = io.BytesIO()
    tifffile.imwrite(tiled, painted(200, 150), photometric="rgb", tile=(64, 64), compression="deflate", predictor=True)
    found["tiff-tiled"] = tiled.getvalue()
    for path in sorted(real.rglob("*")) if real else []:
        key = f"real-{path.parent.name}-{path.suffix}"
        if path.suffix.lower() in (".jpg", ".png", ".tif", ".tiff", ".bmp") and key not in found \
                and path.stat().st_size < _LARGEST_REAL:
            found[key] = path.read_bytes()
    return found


def slides(folder: Path, real: Path | None) -> dict[str, bytes]:
    """As scanners send them; those of several files as a ZIP."""
    pixels = painted(400, 304)
    made = {
        "svs.svs": vendors.aperio(folder / "a.svs", pixels), "scn.scn": vendors.leica(folder / "a.scn", pixels),
        "ndpi.ndpi": vendors.hamamatsu(folder / "a.ndpi", pixels),
    }
    found = {name: path.read_bytes() for name, path in made.items()}
    for name, options in (("ome.ome.tif", {"ome": True}), ("big.tif", {"bigtiff": True, "byteorder": ">"})):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, photometric="rgb", tile=(128, 128), compression="deflate",
                         **options)  # type: ignore[arg-type]
        found[name] = buffer.getvalue()
    vendors.mirax(folder / "mrxs", pixels)
    for name, method in (("mrxs.zip", zipfile.ZIP_STORED), ("packed.zip", zipfile.ZIP_DEFLATED)):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", method) as archive:
            for path in sorted((folder / "mrxs").rglob("*.*")):
                archive.write(path, path.relative_to(folder / "mrxs"))
        found[name] = packed.getvalue()
    for path in sorted((real / "wsi").glob("*")) if real else []:
        if path.stat().st_size < 3_000_000:
            found[f"real-{path.name}"] = path.read_bytes()
    return found


def mutant(number: int, seeds: dict[str, bytes], salt: str = "") -> tuple[str, str, bytes]:
    """Name of the seed, what was done to it, and the bytes."""
    chance = random.Random(f"{SEED}-{salt}-{number}")
    name = chance.choice(sorted(seeds))
    data = seeds[name]
    if chance.random() < 0.15:
        return name, "cut", data[: chance.randrange(len(data))]
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6, 20, 100))):
        chance.choice(_CHANGES)(chance, made, seeds)
        if not made:
            break
    whole = bytes(made)
    if whole.startswith(_PNG) and chance.random() < 0.8:
        whole = _with_right_checksums(whole)
    return name, "changed", whole


def _at(chance: random.Random, made: bytearray) -> int:
    """Mostly where headers and directories are: at the start and at the end."""
    where = chance.random()
    if where < 0.4:
        return chance.randrange(min(300, len(made)))
    return max(0, len(made) - 1 - chance.randrange(min(400, len(made)))) if where < 0.6 else chance.randrange(len(made))


def _flip(chance: random.Random, made: bytearray, _seeds: dict[str, bytes]) -> None:
    made[_at(chance, made)] ^= 1 << chance.randrange(8)


def _replace(chance: random.Random, made: bytearray, _seeds: dict[str, bytes]) -> None:
    made[_at(chance, made)] = chance.randrange(256)


def _value(chance: random.Random, made: bytearray, _seeds: dict[str, bytes]) -> None:
    """A number at the edge of what fits, in either byte order."""
    at, code = _at(chance, made), chance.choice(("<H", ">H", "<I", ">I"))
    value = chance.choice(_VALUES) & (0xFFFF if code.endswith("H") else 0xFFFF_FFFF)
    packed = struct.pack(code, value)
    made[at : at + len(packed)] = packed


def _remove(chance: random.Random, made: bytearray, _seeds: dict[str, bytes]) -> None:
    at = _at(chance, made)
    del made[at : at + chance.choice((1, 2, 8, 100, 5000))]


def _double(chance: random.Random, made: bytearray, _seeds: dict[str, bytes]) -> None:
    at = _at(chance, made)
    made[at:at] = made[at : at + chance.choice((1, 4, 12, 300, 3000))]


def _splice(chance: random.Random, made: bytearray, seeds: dict[str, bytes]) -> None:
    """A piece of another file."""
    other = seeds[chance.choice(sorted(seeds))]
    start, at = chance.randrange(len(other)), _at(chance, made)
    made[at:at] = other[start : start + chance.choice((8, 100, 2000))]


def _noise(chance: random.Random, made: bytearray, _seeds: dict[str, bytes]) -> None:
    at, length = _at(chance, made), chance.choice((4, 64, 1000))
    made[at : at + length] = chance.randbytes(length)


_CHANGES = (_flip, _flip, _replace, _value, _value, _remove, _double, _splice, _noise)


def _with_right_checksums(data: bytes) -> bytes:
    """Behind a wrong one no decoder is reached."""
    made, position = bytearray(data), len(_PNG)
    while position + 12 <= len(made):
        (length,) = struct.unpack_from(">I", made, position)
        end = position + 8 + length
        if end + 4 > len(made):
            break
        struct.pack_into(">I", made, end, zlib.crc32(bytes(made[position + 4 : end])))
        position = end + 4
    return bytes(made)
