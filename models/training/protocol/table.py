"""A clinic's own images: a folder with one table beside them, read strictly, every wrong line named."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from models.spec import ModelSpec

LABELS, SCORES, READINGS, ANSWERS = "labels.csv", "scores.csv", "readings.csv", "answers.csv"
TABLES = (LABELS, SCORES, READINGS, ANSWERS)
"""What the portal's export writes beside the images, by the kind of a system's scores."""
LEAST_IMAGES = 30
LEAST_GROUPS = 3
"""Of each class: to learn, to choose and to test."""
_MOST_TOLD = 20
T = TypeVar("T")
Cells = Mapping[str, str]


class TableError(ValueError):
    """The table cannot be fitted on; the text says which lines are wrong and why."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """One image and the class that its readers gave it, as an index into the system's labels."""

    path: Path
    label: int
    group: str
    um_per_px: float | None


def table_of(folder: Path) -> str:
    """The name of the table in a folder of a clinic's images; empty where it is none."""
    return next((name for name in TABLES if (folder / name).is_file()), "")


def read_lines(
    folder: Path, name: str, columns: Sequence[str], parse: Callable[[Path, Cells], T]
) -> list[T]:
    """What `parse` makes of every image's line, in the table's order. Raises TableError as `read_rows` does.

    `parse` raises ValueError with a sentence for whoever wrote the table. The same image twice is wrong, whatever its
    names: it would stand on both sides of a split.
    """
    seen: dict[str, int] = {}

    def image(line: int, cells: Cells) -> T:
        path = _path(folder, cells["file"])
        one = parse(path, cells)
        _refuse_twice(path, seen, line)
        return one

    return read_rows(folder, name, columns, image)


def read_rows(folder: Path, name: str, columns: Sequence[str], parse: Callable[[int, Cells], T]) -> list[T]:
    """What `parse` makes of each line and its number. Raises TableError that names every wrong line with its reason."""
    with (folder / name).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise TableError(f"{name} lacks the column {' and '.join(missing)}; it needs {', '.join(columns)}.")
        found, wrong = [], []
        for row in reader:
            try:
                found.append(parse(reader.line_num, _cells(row)))
            except ValueError as problem:
                wrong.append(f"line {reader.line_num}: {problem}")
    if wrong:
        more = [f"and {len(wrong) - _MOST_TOLD} more"] if len(wrong) > _MOST_TOLD else []
        raise TableError("\n".join([f"{name} cannot be used:", *wrong[:_MOST_TOLD], *more]))
    return found


def _cells(row: Mapping[str, str | None]) -> Cells:
    if None in row or None in row.values():
        raise ValueError("This line has more or fewer values than there are columns.")
    return {name: (value or "").strip() for name, value in row.items()}


def _path(folder: Path, name: str) -> Path:
    path = folder / name
    if not name or Path(name).name != name:
        raise ValueError("The file must be a name in this folder, without a path.")
    if not path.is_file():
        raise ValueError(f"There is no file {name} in this folder.")
    return path


def _refuse_twice(path: Path, seen: dict[str, int], line: int) -> None:
    """The same bytes under two names would stand on both sides of the split."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest in seen:
        raise ValueError(f"This image is already in line {seen[digest]}.")
    seen[digest] = line


def read_labels(folder: Path, spec: ModelSpec) -> list[Labelled]:
    """Every labelled image of `labels.csv` that the system reads as a whole. Raises TableError.

    An image that is read tile by tile is left out: the class of the whole is that of none of its tiles.
    """
    names = [label.name for label in spec.labels]

    def parse(path: Path, cells: Cells) -> Labelled:
        if cells["label"] not in names:
            raise ValueError(f"The label must be one of {', '.join(names)}.")
        return Labelled(path=path, label=names.index(cells["label"]), group=cells.get("group") or cells["file"],
                        um_per_px=pixel_size(cells.get("um_per_px", "")))

    found = read_lines(folder, LABELS, ("file", "label", "group"), parse)
    if spec.scale is None:
        return found
    most = spec.scale.free_side
    small = [one for one in found if max(_size(one.path)) <= most]
    if len(small) < len(found):
        print(f"{len(found) - len(small)} images of more than {most} pixels are left out: "
              "their class is that of the whole image, and of none of its parts.")
    return small


def pixel_size(text: str) -> float | None:
    """Micrometres from a cell, None from an empty one. Raises ValueError."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError("The pixel size must be a number of micrometres above 0, or empty.")
    return value


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        raise TableError(f"{path.name} cannot be opened as an image.") from None
