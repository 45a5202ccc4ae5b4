"""What it costs a prediction that drift is watched: `python -m benchmarks.systems.looks`.

Noise of seed 1 in four sizes, each looked at in turn: the look alone, and with the row that keeps it, flushed within
the one transaction that a prediction has in any case (SQLite in a file). Milliseconds of the clock and of the
processor; the latter does not grow with what else the machine is doing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.serving import machine
from models.imaging.looks import look_at
from models.spec import Pixels, Reading
from portal.app import create_app
from portal.extensions import db
from portal.services.model_runs import note_reading
from tests.conftest import make_settings
from tests.support import databases

SIZES = ((96, 96), (800, 600), (2000, 1500), (4096, 4096))
"""Width and height."""
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.systems.looks", description=__doc__)
    parser.add_argument("--times", type=int, default=300, help="looks at each size")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(make_settings(Path(folder), f"sqlite:///{folder}/secondread.sqlite3"))
        databases.migrate(app)
        spec = app.extensions["engine"].spec("leukemia")
        reading = Reading(outcome="scored", scores={one.name: 1 / len(spec.labels) for one in spec.labels})
        pictures = [np.random.default_rng(SEED).integers(0, 256, (height, width, 3), np.uint8)
                    for width, height in SIZES]

        def keep(pixels: Pixels) -> None:
            note_reading(spec, reading, ms=1.0, size=(1, 1), um_per_px=None, pixels=pixels)
            db.session.flush()

        here = machine.facts(Path(sys.executable), ours=("numpy", "sqlalchemy"))
        print(f"{here['cpu']}, {here['cores']} cores, load before {here['load_before']}")
        print(f"{times} looks each, seed {SEED}")
        with app.app_context():
            for name, work in (("look", look_at), ("look and row", keep)):
                for (width, height), taken in zip(SIZES, _measured(work, pictures, times), strict=True):
                    print(f"{name:13} {width:5} x {height:<5} {_told(taken)}")
            db.session.rollback()
            db.engine.dispose()


def _measured(work: Callable[..., object], pictures: list[Pixels], times: int) -> list[list[tuple[float, float]]]:
    """Milliseconds of clock and processor by picture; in turns, so that none of them meets a warm cache of its own."""
    found: list[list[tuple[float, float]]] = [[] for _ in pictures]
    for _ in range(times):
        for number, pixels in enumerate(pictures):
            clock, processor = time.perf_counter(), time.thread_time()
            work(pixels)
            found[number].append(((time.perf_counter() - clock) * 1000, (time.thread_time() - processor) * 1000))
    return found


def _told(taken: list[tuple[float, float]]) -> str:
    clock, processor = ([one[place] for one in taken] for place in (0, 1))
    most = statistics.quantiles(processor, n=20)[-1]
    return (f"clock: median {statistics.median(clock):.2f} ms; "
            f"processor: median {statistics.median(processor):.2f}, 95th percentile {most:.2f} ms")


if __name__ == "__main__":
    main()
