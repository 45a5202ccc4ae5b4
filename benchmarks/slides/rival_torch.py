"""`python -m benchmarks.slides.rival_torch SLIDE`: the same tiles the usual way: openslide, a torch data loader, a
torch network of the same shape (its weights do not matter for time); prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np
import torch
from openslide import OpenSlide
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.serving import memory
from benchmarks.slides.made import ENLARGED
from models.slides.kept import KeptSlide
from models.zoo._pcam.network import SIDE, network
from models.zoo._pcam.rules import LEAST_SATURATION, UM_PER_PX
from models.zoo._pcam.tiles import tissue_places
from models.zoo._tiles import Grid, has_tissue

BATCH = 32


class Tiles(Dataset[Any]):
    """Tiles of the slide by their boxes; each process opens the file for itself."""

    def __init__(self, path: str, boxes: list[tuple[float, float, float, float]]) -> None:
        self._path, self._boxes = path, boxes
        self._slide: OpenSlide | None = None

    def __len__(self) -> int:
        return len(self._boxes)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, bool]:
        slide = self._slide = self._slide or OpenSlide(self._path)
        left, top, right, _bottom = self._boxes[number]
        down = (right - left) / SIDE
        # As the portal: the coarsest level that is at most a tenth too coarse.
        level = max(n for n, step in enumerate(slide.level_downsamples) if step <= down * 1.1)
        side = round((right - left) / slide.level_downsamples[level])
        region = slide.read_region((round(left), round(top)), level, (side, side)).convert("RGB")
        tile = np.asarray(region.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        pixels = torch.from_numpy(tile.transpose(2, 0, 1).astype(np.float32) / 255)
        return pixels, has_tissue(tile, LEAST_SATURATION)


def main() -> None:
    path, threads = sys.argv[1], len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    net = network(attention=True).eval()
    began = time.perf_counter()
    boxes, read = _boxes(path), 0
    loader = DataLoader(Tiles(path, boxes), batch_size=BATCH, num_workers=threads)
    with torch.inference_mode():
        for pixels, tissue in loader:
            if tissue.any():
                read += len(torch.sigmoid(net(pixels[tissue])))
    seconds = time.perf_counter() - began
    print(json.dumps({"name": f"torch {torch.__version__}, a data loader with {threads} workers", "tiles": read,
                      "seconds": seconds, "tiles_per_second": read / seconds, "peak_mb": memory.peak(os.getpid())}))


def _boxes(path: str) -> list[tuple[float, float, float, float]]:
    um_per_px = 0.499 / ENLARGED
    with KeptSlide(path) as slide:  # type: ignore[arg-type]
        grid = Grid(width=slide.width, height=slide.height, factor=um_per_px / UM_PER_PX, side=SIDE)
        return [grid.box((int(row), int(column))) for row, column in tissue_places(slide, grid, um_per_px)]


if __name__ == "__main__":
    main()
