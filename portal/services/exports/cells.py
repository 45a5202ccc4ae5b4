"""Cells of an exported table. Pure: a text can start no formula, a number stays a number."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence

Cell = str | int | float | None
"""None is an empty cell."""

_BLANK, _RUN = r"[ \u00a0\ufeff]*", r"=+\-@\uff0b\uff0d\uff1d\uff20"
FORMULA = re.compile(rf"^(?={_BLANK}[{_RUN}\t\r\n])|(?<=[;\t\r\n])(?={_BLANK}[{_RUN}])")
"""Where a program could begin to read a formula: at the start of a cell, and after what it might take for the end of
one. The wide forms of = + - @ count too, for East Asian editions read them alike.
"""
GUARD = "'"


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet might run (OWASP, CSV injection)."""
    return FORMULA.sub(GUARD, text)


def cell_of(value: str | int | float | bool | None) -> Cell:
    """A value as its cell: yes or no for a truth, an empty one for nothing and for what is no number."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return harmless(value) if isinstance(value, str) else value


def csv_line(cells: Sequence[Cell]) -> str:
    """One line of RFC 4180, with its CRLF."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


def flat(scores: Mapping[str, object]) -> dict[str, Cell]:
    """Scores as cells by name: of an object of probabilities the likeliest option and its probability.

    What is neither a word nor a number nor such an object is left out: a table has no cell for it.
    """
    found: dict[str, Cell] = {}
    for key, value in scores.items():
        if isinstance(value, Mapping):
            best = max(value, key=lambda option: value[option], default=None)
            found[key] = None if best is None else harmless(str(best))
            found[f"{key}.probability"] = None if best is None else cell_of(value[best])
        elif isinstance(value, str | int | float):
            found[key] = cell_of(value)
    return found
