"""A clinic's own immunohistochemistry: `answers.csv` beside the images, with a reader's answers where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.training.protocol.table import ANSWERS, LEAST_IMAGES, Cells, TableError, read_lines
from models.zoo._isight.words import QUESTIONS
from models.zoo.isight import TRAINED

OPTIONS = {one.key: one.options for one in QUESTIONS if one.key in TRAINED}
"""Of the questions that this encoder answers, in the network's order."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One image and its reader's answers by question; a question that nobody answered is left out."""

    path: Path
    group: str
    answers: Mapping[str, str]


def read_table(folder: Path) -> list[Answered]:
    """Every image with an answer that can be learnt from, in the table's order. Raises TableError."""
    found = read_lines(folder, ANSWERS, ("file", *OPTIONS, "group"), _answered)
    taught = [one for one in found if one.answers]
    if len(taught) < len(found):
        print(f"{len(found) - len(taught)} images without an answer to {', '.join(OPTIONS)} are left out.")
    if len(taught) < LEAST_IMAGES:
        raise TableError(f"There are {len(taught)} images to learn from; at least {LEAST_IMAGES} are needed.")
    return taught


def _answered(path: Path, cells: Cells) -> Answered:
    for key, options in OPTIONS.items():
        if cells[key] and cells[key] not in options:
            raise ValueError(f"{key} must be one of {'; '.join(options)}, or empty.")
    answers = {key: cells[key] for key in OPTIONS if cells[key]}
    return Answered(path=path, group=cells["group"] or cells["file"], answers=answers)
