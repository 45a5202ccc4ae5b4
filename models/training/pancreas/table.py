"""A clinic's own images: a folder with `scores.csv` beside them, read strictly."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.scoring.pancreas import KEYS, ScoreError, parsed
from models.scoring.serials import parse_serial

NAME = "scores.csv"
COLUMNS = ("file", *KEYS)
OPTIONAL = ("serial", "group")
_MOST_TOLD = 20


class TableError(ValueError):
    """The table cannot be fitted on; the text says which lines are wrong and why."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One image and its expert's scores, in the order of `KEYS`. Images of one group are of one specimen."""

    path: Path
    scores: tuple[float, ...]
    group: str


def has_table(folder: Path) -> bool:
    """Whether the folder holds scored images."""
    return (folder / NAME).is_file()


def read_table(folder: Path) -> list[Scored]:
    """Every scored image, in the table's order. Raises TableError with the number of every wrong line."""
    with (folder / NAME).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise TableError(f"{NAME} lacks the column {' and '.join(missing)}; it needs {', '.join(COLUMNS)}.")
        found, wrong, seen = [], [], dict[str, int]()
        for row in reader:
            try:
                one = _read_row(folder, row)
                _refuse_twice(one.path, seen, reader.line_num)
            except ValueError as problem:
                wrong.append(f"line {reader.line_num}: {problem}")
            else:
                found.append(one)
    if wrong:
        more = [f"and {len(wrong) - _MOST_TOLD} more"] if len(wrong) > _MOST_TOLD else []
        raise TableError("\n".join([f"{NAME} cannot be used:", *wrong[:_MOST_TOLD], *more]))
    if len({one.group for one in found}) < 3:
        raise TableError(f"{NAME} needs images of at least three specimens: to learn, to choose and to test.")
    return found


def _read_row(folder: Path, row: Mapping[str, str | None]) -> Scored:
    if None in row or None in row.values():
        raise ValueError("This line has more or fewer values than there are columns.")
    cells = {name: (value or "").strip() for name, value in row.items()}
    name = cells["file"]
    path = folder / name
    if not name or Path(name).name != name:
        raise ValueError("The file must be a name in this folder, without a path.")
    if not path.is_file():
        raise ValueError(f"There is no file {name} in this folder.")
    return Scored(path=path, scores=_scores(cells), group=_group(cells))


def _scores(cells: Mapping[str, str]) -> tuple[float, ...]:
    found, wrong = [], []
    for key in KEYS:
        try:
            found.append(parsed(key, cells[key]))
        except ScoreError as problem:
            wrong.append(str(problem))
    if wrong:
        raise ScoreError(" ".join(wrong))
    return tuple(found)


def _group(cells: Mapping[str, str]) -> str:
    """The group as given, else the specimen of the serial or of the file's name, else the file alone."""
    if cells.get("group"):
        return cells["group"]
    if cells.get("serial"):
        return cells["serial"].rpartition("-")[0] or cells["serial"]
    named = parse_serial(cells["file"])
    return named.group if named else cells["file"]


def _refuse_twice(path: Path, seen: dict[str, int], line: int) -> None:
    """The same bytes under two names would stand on both sides of the split."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest in seen:
        raise ValueError(f"This image is already in line {seen[digest]}.")
    seen[digest] = line
