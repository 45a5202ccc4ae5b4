"""`python -m benchmarks.queueing`: simulates how long jobs wait with 1 to 16 workers."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.queueing import figures, plot, report
from benchmarks.queueing.costs import Cost, measured_costs
from benchmarks.queueing.hospital import BULK, DAY, SINGLE, Habits, seconds_per_day
from benchmarks.serving.process import ROOT

WORKERS = (1, 2, 4, 8, 16)
PICTURE = "queueing.svg"
RULE_WORKERS = (1, 2, 4)


def main() -> None:
    """Simulates, writes `queueing.json`, `queueing.md` and the picture, and prints the tables."""
    options = _options()
    costs = measured_costs(options.out, options.slide_seconds)
    by_kind, habits = {one.kind: one for one in costs}, Habits()
    found: dict[str, Any] = {
        "command": "python -m benchmarks.queueing" + (f" --slide-seconds {options.slide_seconds:g}"
                                                      if options.slide_seconds is not None else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"), "seed": figures.SEED, "picture": PICTURE,
        "slides_simulated": figures.SLIDES_SIMULATED, "days_at_least": figures.DAYS_AT_LEAST,
        "costs": [asdict(one) for one in costs], "habits": asdict(habits), "example_slides": options.slides,
        "formula": [figures.against_formula(workers, use) for workers in WORKERS for use in (0.5, 0.7, 0.9)],
        "carried": [_carried(habits, by_kind, workers) for workers in WORKERS],
        "example": [figures.as_plain(figures.outcome_of(habits, by_kind, options.slides, workers))
                    for workers in WORKERS],
        "rule": [_rule(habits, by_kind, workers, options.slides) for workers in RULE_WORKERS],
    }
    (options.out / "queueing.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = report.markdown(found)
    (options.out / "queueing.md").write_text(text, encoding="utf-8")
    slide = costs[0]
    plot.draw({str(workers): _curve(habits, by_kind, workers) for workers in WORKERS}, options.pictures / PICTURE,
              f"A slide takes a worker {slide.seconds:.0f} s ({'measured' if slide.measured else 'ASSUMED'})")
    print(text)


def _carried(habits: Habits, costs: dict[str, Cost], workers: int) -> dict[str, Any]:
    print(f"{workers} worker(s)", file=sys.stderr, flush=True)
    single, both = (figures.as_plain(figures.carried(habits, costs, workers, figures.in_time(groups)))
                    for groups in ((SINGLE,), (SINGLE, BULK)))
    return {"workers": workers, "single": single, "both": both}


def _rule(habits: Habits, costs: dict[str, Cost], workers: int, slides: float) -> dict[str, Any]:
    fair, plain = (figures.as_plain(figures.outcome_of(habits, costs, slides, workers, fair=fair))
                   for fair in (True, False))
    return {"fair": fair, "plain": plain}


def _curve(habits: Habits, costs: dict[str, Cost], workers: int) -> list[dict[str, Any]]:
    """From a twentieth of what the workers could do in a whole day to four fifths of it."""
    most = workers * DAY / seconds_per_day(habits, costs, 1)
    outcomes = (figures.as_plain(figures.outcome_of(habits, costs, most * part, workers))
                for part in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8))
    return [one for one in outcomes if one]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queueing", description=__doc__)
    parser.add_argument("--slide-seconds", type=float, help="assume this cost of a slide (without: as measured, from "
                                                            "benchmarks/results/slides.json)")
    parser.add_argument("--slides", type=int, default=200, help="slides a day of the example (200)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="measured costs and report")
    parser.add_argument("--pictures", type=Path, default=ROOT / "docs/pictures", help="where the picture goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
