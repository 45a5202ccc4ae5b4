"""A clinic's own scores: a folder with `scores.csv` beside the images, read strictly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.scoring.pancreas import KEYS, ScoreError, parsed
from models.scoring.serials import parse_serial
from models.training.protocol.table import SCORES, Cells, TableError, read_lines

COLUMNS = ("file", *KEYS)
__all__ = ["Scored", "TableError", "has_table", "read_table"]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One image and its expert's scores, in the order of `KEYS`. Images of one group are of one specimen."""

    path: Path
    scores: tuple[float, ...]
    group: str


def has_table(folder: Path) -> bool:
    """Whether the folder holds scored images."""
    return (folder / SCORES).is_file()


def read_table(folder: Path) -> list[Scored]:
    """Every scored image, in the table's order. Raises TableError with the number of every wrong line."""
    found = read_lines(folder, SCORES, COLUMNS, _scored)
    if len({one.group for one in found}) < 3:
        raise TableError(f"{SCORES} needs images of at least three specimens: to learn, to choose and to test.")
    return found


def _scored(path: Path, cells: Cells) -> Scored:
    return Scored(path=path, scores=_scores(cells), group=_group(cells))


def _scores(cells: Cells) -> tuple[float, ...]:
    found, wrong = [], []
    for key in KEYS:
        try:
            found.append(parsed(key, cells[key]))
        except ScoreError as problem:
            wrong.append(str(problem))
    if wrong:
        raise ScoreError(" ".join(wrong))
    return tuple(found)


def _group(cells: Cells) -> str:
    """The group as given, else the specimen of the serial or of the file's name, else the file alone."""
    if cells.get("group"):
        return cells["group"]
    if cells.get("serial"):
        return cells["serial"].rpartition("-")[0] or cells["serial"]
    named = parse_serial(cells["file"])
    return named.group if named else cells["file"]
