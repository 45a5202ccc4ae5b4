"""What is sent: drawn TIFFs of about 50 MB, no two the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.serving.client import Upload
from benchmarks.serving.process import ROOT, Command, run

SIDE = 4_100
"""Of an uncompressed RGB picture: 50.4 MB and 17 megapixels."""
DISTINCT = 10
_SALT_BYTES = 8


def draw(folder: Path, side: int = SIDE, number: int = DISTINCT) -> list[Path]:
    """Draw them with the portal's own code, in its environment: this process needs no packages."""
    python = str(ROOT / ".venv/bin/python")
    run(Command(argv=(python, "-m", "benchmarks.batch._draw", str(folder), str(number), str(side))))
    return sorted(folder.glob("*.tif"))


def uploads(files: list[Path], count: int) -> Iterator[Upload]:
    """The files in turn, one in memory at a time; the last pixels of each carry its number."""
    for number in range(count):
        data = bytearray(files[number % len(files)].read_bytes())
        data[-_SALT_BYTES:] = number.to_bytes(_SALT_BYTES, "big")
        yield Upload(name=f"S-{number // 10:04}-10X_Image0{number % 10:02}_ch00.tif", data=bytes(data),
                     kind="image/tiff")
