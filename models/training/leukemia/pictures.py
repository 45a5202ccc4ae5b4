"""The card's drawings: one palette, no patient image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.training.data import CLASSES

matplotlib.use("Agg")

INK, PLUM, TEAL, SAND, RULE = "#22303c", "#6b4c9a", "#2a8c82", "#d98e32", "#d5dbe1"
SIZE = 9


def draw_all(evaluation: Mapping[str, Any], folder: Path) -> None:
    """confusion.png, calibration.png, robustness.png and gate.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw, size in (
        ("confusion", _confusion, (4.6, 4.2)),
        ("calibration", _calibration, (4.6, 4.2)),
        ("robustness", _robustness, (7.2, 5.2)),
        ("gate", _gate, (7.2, 4.6)),
    ):
        with matplotlib.rc_context(
            {
                "font.size": SIZE,
                "text.color": INK,
                "axes.labelcolor": INK,
                "xtick.color": INK,
                "ytick.color": INK,
                "axes.edgecolor": RULE,
            }
        ):
            figure = Figure(figsize=size, layout="constrained", dpi=130)
            draw(figure.subplots(), evaluation)
            figure.savefig(folder / f"{name}.png")


def _bare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)


def _confusion(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    matrix = np.array(evaluation["test"]["confusion"])
    share = matrix / matrix.sum(axis=1, keepdims=True)
    axes.imshow(share, cmap="Purples", vmin=0, vmax=1.15)
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if share[row, column] > 0.5 else INK
        axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=SIZE + 3)
    axes.set_xticks(range(4), CLASSES)
    axes.set_yticks(range(4), CLASSES)
    axes.set_xlabel("answered")
    axes.set_ylabel("label in the data set")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("Held-out blocks: images per class and answer", loc="left", fontsize=SIZE + 1)


def _calibration(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    found = evaluation["calibration"]
    bins = found["bins"]
    axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.5)
    area = [20 + 400 * one["images"] / sum(b["images"] for b in bins) for one in bins]
    axes.scatter([b["confidence"] for b in bins], [b["accuracy"] for b in bins], s=area, color=PLUM, alpha=0.85)
    axes.set_xlim(0, 1.04)
    axes.set_ylim(-0.04, 1.06)
    axes.set_xlabel("probability of the answer")
    axes.set_ylabel("share that is right")
    axes.grid(color=RULE, linewidth=0.5)
    axes.set_title(f"Calibration on held-out blocks: ECE {found['ece']:.3f}", loc="left", fontsize=SIZE + 1)
    _bare(axes)


def _robustness(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    rows = evaluation["robustness"]
    place = np.arange(len(rows))[::-1]
    axes.barh(place + 0.2, [row["macro_f1"] for row in rows], 0.36, color=PLUM, label="macro-F1")
    axes.barh(place - 0.2, [row["passed"] for row in rows], 0.36, color=TEAL, label="share the gate lets pass")
    axes.axvline(0.95, color=SAND, linewidth=1.2, label="0.95")
    axes.set_yticks(place, [row["copies"] for row in rows])
    axes.set_xlim(0.5, 1.005)
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    axes.set_title("The same held-out images, changed", loc="left", fontsize=SIZE + 1)
    axes.figure.legend(loc="outside lower center", ncols=3, frameon=False)
    _bare(axes)


def _gate(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    alone = evaluation["gate_fit"]["leave_one_out"]
    held = evaluation["gate_fit"]["held_out"]
    names = list(held)
    place = np.arange(len(names))[::-1]
    axes.barh(place + 0.2, [held[name] for name in names], 0.36, color=TEAL, label="kind seen, images unseen")
    axes.barh(place - 0.2, [alone[name] for name in names], 0.36, color=SAND, label="kind never seen")
    axes.set_yticks(place, names)
    axes.set_xlim(0, 1.01)
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    axes.set_title("Share refused of images that are no smear of this kind", loc="left", fontsize=SIZE + 1)
    axes.figure.legend(loc="outside lower center", ncols=2, frameon=False)
    _bare(axes)
