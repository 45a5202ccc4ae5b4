"""Runs in the portal's environment: draws tissue as uncompressed RGB TIFFs of a given side."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from models.training.pancreas.drawn import Drawing, draw_pancreas, independent

SEED = 20_261_121
GRAIN = 9
"""Levels of a camera's noise, so that the picture is as hard to compress as a real one."""


def main(folder: Path, number: int, side: int) -> None:
    """Write that many, the same ones every time."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    for place, scores in enumerate(independent(rng, number)):
        field = Image.fromarray(draw_pancreas(Drawing(scores=scores, seed=place)))
        large = np.asarray(field.resize((side, side), Image.Resampling.BICUBIC), np.int16)
        noisy = large + rng.integers(-GRAIN, GRAIN + 1, large.shape, np.int16)
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / f"tissue-{place:02}.tif", "TIFF")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
