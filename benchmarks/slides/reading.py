"""`python -m benchmarks.slides.reading SLIDE SIDE ROUNDS SECONDS SEED`: one worker's job on one slide, by turns with
the bare network; prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks.serving import memory
from benchmarks.slides.bare import Bare
from benchmarks.slides.made import ENLARGED
from benchmarks.slides.portal import add_slide, ask, open_portal
from models.imaging.limits import Limits
from models.slides.kept import KeptSlide
from models.slides.reading import SlideReader
from models.zoo import pcam
from models.zoo._pcam.rules import BATCH
from portal.extensions import db
from portal.services.jobs import registry, run
from portal.services.uploads import Desk
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction

UM_PER_PX = 0.499 / ENLARGED


class Clock:
    """Seconds that threads spent in something, by name."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._lock = threading.Lock()

    def around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                with self._lock:
                    self.spent[name] += time.perf_counter() - began

        return timed


def main() -> None:
    slide, side, rounds, seconds, seed = Path(sys.argv[1]).resolve(), *(int(one) for one in sys.argv[2:])
    threads = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(dir=slide.parent) as folder:
        app, clock = open_portal(Path(folder)), Clock()
        graph = Path(pcam.__file__).parents[1] / "weights" / pcam.SPEC.graphs["predict"].name
        bare = Bare(graph, BATCH, threads, seed)
        with app.app_context(), _timed(clock):
            read_once(app, slide, side)  # loads the graphs and the file into memory
            found = [_round(app, slide, side, bare, clock, seconds) for _ in range(rounds)]
    print(json.dumps({"threads": threads, "batch": BATCH, "rounds": found}))


def _round(app: Flask, slide: Path, side: int, bare: Bare, clock: Clock, seconds: int) -> dict[str, Any]:
    """The bare rate before and after; machines change their speed while one measures."""
    before = bare.rate(seconds)
    clock.spent.clear()
    memory.forget_peak(os.getpid())
    read = read_once(app, slide, side)
    peak, spent = memory.peak(os.getpid()), dict(clock.spent)
    rate = (before + bare.rate(seconds)) / 2
    return {**read, "bare_per_second": rate, "peak_mb": peak, "shares": _shares(spent),
            "efficiency": read["tiles_per_second"] / rate}


def read_once(app: Flask, slide: Path, side: int) -> dict[str, Any]:
    """One job from its asking to its prediction, in as many turns as it takes."""
    image_id = add_slide(app, slide, side, UM_PER_PX)
    parts, settings = app.extensions, app.extensions["settings"]
    desk = Desk(engine=parts["engine"], store=parts["files"], writer=parts["writer"],
                limits=Limits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels))
    job_id = ask(app, image_id, "pcam")
    began = time.perf_counter()
    while run.run_next(registry.KINDS, desk, settings, parts["carrier"], "benchmark"):
        pass
    seconds = time.perf_counter() - began
    job = db.session.get_one(Job, job_id, populate_existing=True)
    assert job.result, job.reason
    tiles = db.session.get_one(Prediction, job.result["prediction"]).scores["tiles"]
    return {"seconds": seconds, "tiles": tiles, "tiles_per_second": tiles / seconds}


@contextmanager
def _timed(clock: Clock) -> Iterator[None]:
    """Has the slide, the network and the parts around them timed."""
    region, read_part, whole = KeptSlide.region, pcam.SLIDES.read_part, pcam.SLIDES

    def timed_part(slide: Any, plan: Any, number: int, run: Callable[..., Any]) -> bytes:
        def asked(graph: str, inputs: Mapping[str, Any]) -> Any:
            return clock.around("inference" if graph == "predict" else "gate", run)(graph, inputs)

        return bytes(clock.around("part", read_part)(slide, plan, number, asked))

    KeptSlide.region = clock.around("reading", region)  # type: ignore[method-assign]
    _replace(whole, timed_part)
    try:
        yield
    finally:
        KeptSlide.region = region  # type: ignore[method-assign]
        _replace(whole, read_part)


def _replace(reader: SlideReader, read_part: Callable[..., bytes]) -> None:
    object.__setattr__(reader, "read_part", read_part)


def _shares(spent: dict[str, float]) -> dict[str, float]:
    """Of the threads' time inside parts; the few places read for the plan count as reading."""
    reading, inference = spent.get("reading", 0.0), spent.get("inference", 0.0)
    rest = max(0.0, spent.get("part", 0.0) - reading - inference)
    total = reading + inference + rest
    return {"reading": reading / total, "preprocessing": rest / total, "inference": inference / total}


if __name__ == "__main__":
    main()
