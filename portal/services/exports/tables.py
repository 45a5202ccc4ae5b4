"""Which table a system's training set is written as: from the words that the system uses, never from its name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.spec import ModelSpec
from portal.services.exports.cells import Cell, cell_of
from portal.services.exports.settling import Settled

NUCLEI = ("file", "x", "y", "class")
NUCLEI_NAME = "nuclei.csv"


@dataclass(frozen=True, kw_only=True)
class TableKind:
    """The table's file name and columns, as `python -m models.training fit` reads them."""

    name: str
    columns: tuple[str, ...]


def table_of(spec: ModelSpec) -> TableKind:
    """`labels.csv` for classes, `scores.csv` for numbers, `answers.csv` for questions, `readings.csv` for several."""
    typed = tuple(one.key for one in spec.measures if one.step)
    asked = tuple(one.key for one in spec.questions)
    if typed and (spec.labels or asked):
        label = ("label",) if spec.labels else ()
        return TableKind(name="readings.csv", columns=("file", *typed, *asked, *label, "group", "um_per_px"))
    if typed:
        return TableKind(name="scores.csv", columns=("file", *typed, "serial", "group"))
    if asked:
        return TableKind(name="answers.csv", columns=("file", *asked, "group"))
    return TableKind(name="labels.csv", columns=("file", "label", "group", "um_per_px"))


def row_of(kind: TableKind, settled: Settled, beside: Mapping[str, Cell]) -> list[Cell]:
    """The image's row; `beside` has its file, group, serial and pixel size."""
    held = {**settled.numbers, **settled.answers, "label": settled.label, **beside}
    return [cell_of(held.get(column)) for column in kind.columns]
