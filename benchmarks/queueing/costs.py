"""What one job of each kind takes one worker, from the figures that other benchmarks measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ER_TILES = 64
FOLDER_IMAGES = 200
SLIDE = "slide"
SLIDES = "slides.json"
SECONDS = "seconds_per_slide"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of one job, how they come about, and the command that measured what they are made of.

    `gives_way`: whether the job keeps finished parts, after each of which its turn may end.
    """

    kind: str
    seconds: float
    how: str
    command: str
    measured: bool = True
    gives_way: bool = True


def measured_costs(results: Path, assumed_slide_seconds: float | None) -> tuple[Cost, ...]:
    """Every kind. Raises SystemExit when a slide was neither measured nor assumed."""
    systems, serving, exports = (_load(results / name) for name in ("systems.json", "serving.json", "exports.json"))
    er_tile = systems["alone"]["er"]["systems"]["er"]["median_ms"]
    image = serving["rows"]["portal"]["p50"]
    export = next(one for one in exports["databases"]["sqlite"] if (one["format"], one["answers"]) == ("csv", 100_000))
    return (
        slide_cost(results / SLIDES, assumed_slide_seconds),
        Cost(kind="ER region", seconds=ER_TILES * er_tile / 1000, command=systems["command"],
             how=f"4096 × 4096 px: {ER_TILES} tiles of 512 × 512 at {er_tile:.0f} ms"),
        Cost(kind="folder of images", seconds=FOLDER_IMAGES * image / 1000, command=serving["command"],
             how=f"{FOLDER_IMAGES} leukemia images, each stored and read in {image:.1f} ms"),
        Cost(kind="export", seconds=export["processor_seconds"], gives_way=False,
             command="python -m benchmarks.exports --answers 100000",
             how="100,000 answers as CSV on SQLite, processor seconds of an earlier run on an AMD EPYC"),
    )


def slide_cost(path: Path, assumed: float | None) -> Cost:
    """As measured, unless another figure is assumed on purpose."""
    if assumed is not None:
        return Cost(kind=SLIDE, seconds=assumed, command=f"--slide-seconds {assumed:g}", measured=False,
                    how="ASSUMED, not measured")
    if not path.exists():
        raise SystemExit(f"No measured cost of a slide: {path.name} is not there. Run the benchmark of slides, or say "
                         "what to assume with --slide-seconds.")
    found = _load(path)
    return Cost(kind=SLIDE, seconds=float(found[SECONDS]), command=found["command"],
                how=f"`{SECONDS}` of {path.name}")


def _load(path: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return held
