"""`python -m benchmarks.systems.reading KEY,KEY… REPEATS FOLDER`: reads one image per system, prints JSON.

Runs in a process of its own, so that its memory is that of serving these systems and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.serving.memory import resident
from benchmarks.systems.pictures import picture_of
from models.engine import Engine
from models.spec import Micrograph


def main() -> None:
    """Start, first reading, median reading and memory, per system in the order given."""
    keys, repeats, folder = sys.argv[1].split(","), int(sys.argv[2]), Path(sys.argv[3])
    engine = Engine()
    found = {"before_mb": resident(os.getpid()), "systems": {key: _read(engine, key, repeats, folder) for key in keys}}
    print(json.dumps({**found, "after_mb": resident(os.getpid())}))


def _read(engine: Engine, key: str, repeats: int, folder: Path) -> dict[str, object]:
    file, um_per_px = picture_of(key, folder)
    with Image.open(file) as image:
        micrograph = Micrograph(pixels=np.asarray(image.convert("RGB")), um_per_px=um_per_px)
    began = time.perf_counter()
    reading = engine.read(key, micrograph)
    first = time.perf_counter() - began
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        engine.read(key, micrograph)
        times.append(time.perf_counter() - began)
    return {
        "image": f"{micrograph.width}×{micrograph.height}", "outcome": reading.outcome, "first_ms": first * 1e3,
        "median_ms": float(np.median(times)) * 1e3, "mb": resident(os.getpid()),
    }


if __name__ == "__main__":
    main()
