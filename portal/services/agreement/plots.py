"""Where the marks of a plot stand, in shares of its width or in its own units; the templates draw them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from portal.services.agreement.compare import Comparison

MARGIN = 3.0
"""Per cent of the width kept free at both ends, so that a dot at the end is whole."""
STEP, WIDE_STEP = 0.25, 0.5
MOST_DRAWN = 8
"""Classes up to which a table of two raters is drawn; a larger one is told in figures alone."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From `least` to 1, with marks at (per cent of the width, text)."""

    least: float
    ticks: tuple[tuple[float, str], ...]

    def at(self, value: float) -> float:
        """Per cent of the width."""
        share = (min(max(value, self.least), 1.0) - self.least) / (1.0 - self.least)
        return round(MARGIN + (100.0 - 2 * MARGIN) * share, 2)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a drawn table: its number and how dark it is, as a share of its row."""

    column: int
    row: int
    number: int
    share: float


def axis_of(comparisons: Iterable[Comparison]) -> Axis:
    """0 to 1, or from as far below 0 as something lies."""
    lows = [value for one in comparisons for value in (one.low, one.kappa) if value is not None]
    least = max(-1.0, min(0.0, math.floor(min(lows, default=0.0) / WIDE_STEP) * WIDE_STEP))
    step = WIDE_STEP if least else STEP
    marks = [least + number * step for number in range(round((1.0 - least) / step) + 1)]
    bare = Axis(least=least, ticks=())
    return Axis(least=least, ticks=tuple((bare.at(one), f"{one:g}".replace("-", "−")) for one in marks))


def cells_of(comparison: Comparison) -> tuple[Cell, ...]:
    """The cells of a table that is small enough to draw; rows are the reader's."""
    if not 0 < len(comparison.table) <= MOST_DRAWN:
        return ()
    return tuple(Cell(column=column, row=row, number=number, share=round(number / (sum(line) or 1), 3))
                 for row, line in enumerate(comparison.table) for column, number in enumerate(line))
