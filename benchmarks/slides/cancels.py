"""How soon a cancel takes effect: `python -m benchmarks.slides.cancels` writes `cancels.md`; two minutes.

One worker with the settings of service reads a slide; its reader cancels that at a random moment while another of his
jobs waits. Measured is from the cancel to the moment at which the worker began with the other one.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from flask import Flask

from benchmarks.serving import machine
from benchmarks.serving.process import ROOT, SETTINGS, CommandFailed
from benchmarks.slides.__main__ import FOLDER, UM_PER_PX
from benchmarks.slides.hosts import running
from benchmarks.slides.made import make
from benchmarks.slides.portal import SECRET, add_slide, ask, open_portal
from portal.extensions import db
from portal.services import audit
from portal.services.jobs import queue
from portal.services.jobs.kinds import export
from portal.storage.cases import CaseFilter
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job

SIDE, TARGET, PATIENCE = 12_288, 2.0, 60.0
READER = audit.Actor(user_id=1)


def main() -> None:
    """Measures, writes `cancels.md` and prints it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slides.cancels", description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--data", type=Path,
                        default=Path(os.environ.get("PORTAL_DATASETS") or ROOT.parent / "shared/data"))
    options = parser.parse_args()
    facts = machine.facts(Path(sys.executable))
    slide = make(SIDE, options.data, FOLDER)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        took = _measure(Path(folder), slide, options.times, random.Random(options.seed))  # noqa: S311 (no secret)
    text = _markdown(took, options, facts)
    (ROOT / "benchmarks/results/cancels.md").write_text(text, encoding="utf-8")
    print(text)


def _measure(folder: Path, slide: Path, times: int, chance: random.Random) -> list[float]:
    app = open_portal(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    settings = {"DATABASE_URL": app.extensions["settings"].database_url, "SECRET_KEY": SECRET,
                "PORTAL_INSTANCE": str(folder)}
    worker = (sys.executable, "-m", "celery", "--app", "portal.worker", "--quiet", "worker", "--loglevel", "WARNING",
              "--without-gossip", "--without-mingle", "--without-heartbeat")
    with running(*worker, env={**kept, **settings}), app.app_context():
        took = [_cancel_one(app, slide, chance) for _ in range(times)]
        db.engine.dispose()
    return took


def _cancel_one(app: Flask, slide: Path, chance: random.Random) -> float:
    """Seconds from the cancel to the worker's next job."""
    reading = ask(app, add_slide(app, slide, SIDE, UM_PER_PX), "pcam")
    _wait(lambda: _job(reading).done > 0)
    other = queue.submit(app.extensions["carrier"], READER, export.history_order(READER, 1, CaseFilter(), "all", "csv"))
    time.sleep(chance.uniform(0, 1))
    if _job(reading).state != "running":
        raise CommandFailed(f"the slide was to be read still, and is {_job(reading).state}")
    cancelled = now()
    queue.cancel(READER, reading)
    _wait(lambda: _job(other).started_at is not None)
    began = _job(other).started_at
    assert began is not None
    return (began - cancelled).total_seconds()


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise CommandFailed("the worker does not do what it is asked for")
        time.sleep(0.02)


def _job(job_id: int) -> Job:
    db.session.rollback()
    return db.session.get_one(Job, job_id)


def _markdown(took: list[float], options: argparse.Namespace, on: dict[str, object]) -> str:
    held = "held" if max(took) < TARGET else "**not held**"
    return "\n".join([
        "# How soon a cancel takes effect", "",
        f"One worker with the settings of service, on SQLite and without a broker, reads a slide of {SIDE:,} pixels a",
        "side with PCam; its reader cancels that while another of his jobs waits. From the cancel until the worker",
        "began with the other one:", "",
        "| cancels | median, s | longest, s | target |", "|---|---|---|---|",
        f"| {len(took)} | {median(took):.2f} | {max(took):.2f} | under {TARGET:g} s: {held} |", "",
        f"`python -m benchmarks.slides.cancels --times {options.times} --seed {options.seed}` on {on['cpu']}, "
        f"{on['cores']} cores; {on['date']}; load before: {on['load_before']}.", ""])


if __name__ == "__main__":
    main()
