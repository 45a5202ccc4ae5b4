"""A clinic's own ER images: `readings.csv` beside them, and `nuclei.csv` with what readers said of each nucleus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.spec import Nucleus
from models.training.protocol.table import (
    LEAST_IMAGES,
    READINGS,
    Cells,
    TableError,
    pixel_size,
    read_lines,
    read_rows,
)
from models.zoo._er.read import LEGEND

NUCLEI = "nuclei.csv"
CLASSES = tuple(swatch.label for swatch in LEGEND[1:])


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """One image whose nuclei a reader went through, in pixels of the image as it was sent."""

    path: Path
    group: str
    um_per_px: float | None
    nuclei: tuple[Nucleus, ...]


def read_table(folder: Path) -> list[Corrected]:
    """Every image with nuclei, in the table's order. Raises TableError, also where they are too few.

    A reading of the whole image says nothing of any pixel: images with no more than that are left out and counted.
    """
    nuclei = _read_nuclei(folder)
    found = read_lines(folder, READINGS, ("file", "group"), lambda path, cells: _image(path, cells, nuclei))
    lost = sorted(nuclei.keys() - {one.path.name for one in found})
    if lost:
        raise TableError(f"{NUCLEI} has nuclei of {lost[0]}, which {READINGS} does not list.")
    taught = [one for one in found if one.nuclei]
    if len(taught) < len(found):
        print(f"{len(found) - len(taught)} images without nuclei in {NUCLEI} are left out: a reading of the whole "
              "image says of no pixel what it is.")
    if len(taught) < LEAST_IMAGES:
        raise TableError(f"There are {len(taught)} images whose nuclei a reader corrected; "
                         f"at least {LEAST_IMAGES} are needed.")
    return taught


def _read_nuclei(folder: Path) -> dict[str, list[Nucleus]]:
    """By the image's file name."""
    if not (folder / NUCLEI).is_file():
        raise TableError(f"There is no {NUCLEI}: er learns from images in which a reader corrected nuclei.")
    found: dict[str, list[Nucleus]] = {}
    for name, nucleus in read_rows(folder, NUCLEI, ("file", "x", "y", "class"), _nucleus):
        found.setdefault(name, []).append(nucleus)
    return found


def _nucleus(_line: int, cells: Cells) -> tuple[str, Nucleus]:
    if cells["class"] not in CLASSES:
        raise ValueError(f"The class must be one of {', '.join(CLASSES)}.")
    return cells["file"], Nucleus(x=_place(cells["x"]), y=_place(cells["y"]), label=cells["class"])


def _place(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ValueError("x and y must be whole pixels from 0 on.")
    return int(text)


def _image(path: Path, cells: Cells, nuclei: dict[str, list[Nucleus]]) -> Corrected:
    return Corrected(path=path, group=cells["group"] or cells["file"], um_per_px=pixel_size(cells.get("um_per_px", "")),
                     nuclei=tuple(nuclei.get(path.name, ())))
