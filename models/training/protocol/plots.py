"""The cards' drawings: one palette, one style, no patient image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

matplotlib.use("Agg")

INK, RULE = "#22303c", "#d5dbe1"
PLUM, TEAL, SAND, ROSE, SKY = PALETTE = ("#6b4c9a", "#2a8c82", "#d98e32", "#b5476b", "#3f7cac")
SIZE = 9
SQUARE, WIDE = (4.6, 4.2), (7.2, 4.6)


def draw(path: Path, size: tuple[float, float], paint: Callable[[Axes], None]) -> None:
    """One PNG in the common style."""
    style = {"font.size": SIZE, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
             "axes.edgecolor": RULE}
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained", dpi=130)
        paint(figure.subplots())
        figure.savefig(path)


def bare(axes: Axes, title: str) -> None:
    """No box, the title at the left, the grid behind."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)
    axes.set_title(title, loc="left", fontsize=SIZE + 1)


def confusion(matrix: ArrayLike, names: Sequence[str], path: Path, title: str) -> None:
    """Images per label (rows) and answer (columns), shaded by their share of the label."""
    counts = np.asarray(matrix)

    def paint(axes: Axes) -> None:
        share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
        axes.imshow(share, cmap="Purples", vmin=0, vmax=1.15)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if share[row, column] > 0.5 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=SIZE + 3)
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("answered")
        axes.set_ylabel("label in the data set")
        bare(axes, title)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    draw(path, SQUARE, paint)


def reliability(bins: Sequence[Mapping[str, float]], path: Path, title: str) -> None:
    """The bins of `calibrate.calibration_bins`: share that is right against probability."""

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.5)
        whole = sum(one["images"] for one in bins)
        area = [20 + 400 * one["images"] / whole for one in bins]
        axes.scatter([one["confidence"] for one in bins], [one["accuracy"] for one in bins], s=area, color=PLUM,
                     alpha=0.85)
        axes.set_xlim(0, 1.04)
        axes.set_ylim(-0.04, 1.06)
        axes.set_xlabel("probability of the answer")
        axes.set_ylabel("share that is right")
        axes.grid(color=RULE, linewidth=0.5)
        bare(axes, title)

    draw(path, SQUARE, paint)


def bars(
    rows: Sequence[str],
    series: Mapping[str, Sequence[float]],
    path: Path,
    title: str,
    *,
    limits: tuple[float, float] = (0, 1.01),
    mark: float | None = None,
) -> None:
    """Lying bars: one group per row, one colour per series; `mark` draws an upright line."""

    def paint(axes: Axes) -> None:
        place = np.arange(len(rows))[::-1]
        height = 0.76 / len(series)
        for index, (name, values) in enumerate(series.items()):
            offset = (len(series) - 1) / 2 - index
            axes.barh(place + offset * height, values, height * 0.94, color=PALETTE[index], label=name)
        if mark is not None:
            axes.axvline(mark, color=INK, linewidth=1.0, linestyle=":", label=f"{mark:g}")
        axes.set_yticks(place, rows)
        axes.set_xlim(*limits)
        axes.grid(axis="x", color=RULE, linewidth=0.5)
        axes.figure.legend(loc="outside lower center", ncols=4, frameon=False)
        bare(axes, title)

    draw(path, (WIDE[0], max(2.2, 1.2 + 0.14 * len(rows) * (1 + len(series)))), paint)


def roc(curves: Mapping[str, tuple[ArrayLike, ArrayLike]], path: Path, title: str) -> None:
    """By name, false-positive and true-positive rates; a point of one value each is drawn as a dot."""

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.5)
        for colour, (name, (false, true)) in zip(PALETTE, curves.items(), strict=False):
            style: dict[str, Any] = {"marker": "o"} if np.size(false) == 1 else {}
            axes.plot(np.atleast_1d(np.asarray(false)), np.atleast_1d(np.asarray(true)), color=colour, label=name,
                      **style)
        axes.set_xlabel("negatives called positive")
        axes.set_ylabel("positives found")
        axes.grid(color=RULE, linewidth=0.5)
        axes.legend(loc="lower right", frameon=False)
        bare(axes, title)

    draw(path, SQUARE, paint)


def scatter(true: ArrayLike, said: ArrayLike, path: Path, title: str, labels: tuple[str, str]) -> None:
    """Answers against truth with the line on which both are equal; `labels` name the two axes."""
    truths, answers = np.asarray(true), np.asarray(said)

    def paint(axes: Axes) -> None:
        ends = [float(min(truths.min(), answers.min())), float(max(truths.max(), answers.max()))]
        axes.plot(ends, ends, color=RULE, linewidth=1.5)
        axes.scatter(truths, answers, s=12, color=PLUM, alpha=0.5, linewidths=0)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        axes.grid(color=RULE, linewidth=0.5)
        bare(axes, title)

    draw(path, SQUARE, paint)
