"""Runs in the portal's environment: draws smears as JPEG files."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from models.imaging.drawn import draw_smear

FIRST_SEED = 101
QUALITY = 90


def main(folder: Path, number: int) -> None:
    """Write that many 800×600 smears, the same ones every time."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(FIRST_SEED, FIRST_SEED + number):
        Image.fromarray(draw_smear(seed)).save(folder / f"drawn-{seed}.jpg", quality=QUALITY)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
