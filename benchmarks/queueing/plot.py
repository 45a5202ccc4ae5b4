"""Waiting by slides a day, one line per number of workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

LIMIT_MINUTES = 10


def draw(curves: Mapping[str, Sequence[Mapping[str, Any]]], to: Path, note: str) -> None:
    """An SVG; `curves` has the outcomes for each number of workers, ordered by slides a day."""
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    for number, (workers, outcomes) in enumerate(curves.items()):
        for group, dash in (("one by one", "-"), ("in bulk", ":")):
            shown = [(one["slides"], max(0.02, one["waiting"][f"slide, {group}"]["p95"] / 60)) for one in outcomes
                     if f"slide, {group}" in one["waiting"]]
            axes.plot(*zip(*shown, strict=True), dash, color=f"C{number}",
                      label=f"{workers} worker{'s' if workers != '1' else ''}" if dash == "-" else None)
    axes.axhline(LIMIT_MINUTES, color="0.6", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="slides a day", ylabel="95th percentile of waiting, minutes",
             title=note)
    axes.grid(alpha=0.25)
    axes.legend(title="solid: sent one by one\ndotted: in bulk", fontsize=8)
    to.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "queueing"}):
        figure.savefig(to, metadata={"Date": None})
