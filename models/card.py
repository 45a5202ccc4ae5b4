"""The model card: what a version is good for, as a page can draw it. Figures come from evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.spec import ModelSpec

CARDS = Path(__file__).parent / "cards"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number, its 95 % interval where there is one, and the command that measured it."""

    name: str
    value: str
    interval: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text under headings; the first column names the row."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    command: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawing beside the card; `alt` says what it shows to someone who cannot see it."""

    file: str
    alt: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """One heading of the card, with any of text, points, figures, tables and pictures."""

    title: str
    text: tuple[str, ...]
    points: tuple[str, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A model version's card; `measured` is False while there is no evaluation of exactly these weights."""

    key: str
    version: str
    weights_sha256: str
    measured: bool
    sections: tuple[Section, ...]

    @property
    def headline(self) -> Figure | None:
        """The figure that stands for the version in lists: by convention the first one of the card."""
        return next((figure for section in self.sections for figure in section.figures), None)


def load_card(spec: ModelSpec, cards: Path = CARDS) -> Card:
    """The card of a model version; without an evaluation of these very weights, one that says so."""
    held = _read(spec, cards)
    if held is None or held.get("weights_sha256") != spec.weights_sha256:
        note = "This version has not been evaluated: there are no figures for these weights."
        sections: tuple[Section, ...] = (_section({"title": "Evaluation", "text": [note]}),)
        return _card(spec, measured=False, sections=sections)
    return _card(spec, measured=True, sections=tuple(_section(one) for one in held["sections"]))


def find_picture(spec: ModelSpec, name: str, cards: Path = CARDS) -> Path | None:
    """The file of a picture that the card itself lists, or None."""
    listed = {picture.file for section in load_card(spec, cards).sections for picture in section.pictures}
    path = _folder(spec, cards) / name
    return path if name in listed and path.is_file() else None


def _folder(spec: ModelSpec, cards: Path) -> Path:
    return cards / f"{spec.key}-{spec.version}"


def _read(spec: ModelSpec, cards: Path) -> dict[str, Any] | None:
    try:
        held: dict[str, Any] = json.loads((_folder(spec, cards) / "card.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return held


def _card(spec: ModelSpec, *, measured: bool, sections: tuple[Section, ...]) -> Card:
    return Card(
        key=spec.key,
        version=spec.version,
        weights_sha256=spec.weights_sha256,
        measured=measured,
        sections=sections,
    )


def _section(held: Mapping[str, Any]) -> Section:
    return Section(
        title=held["title"],
        text=tuple(held.get("text", ())),
        points=tuple(held.get("points", ())),
        figures=tuple(Figure(**one) for one in held.get("figures", ())),
        tables=tuple(_table(one) for one in held.get("tables", ())),
        pictures=tuple(Picture(**one) for one in held.get("pictures", ())),
    )


def _table(held: Mapping[str, Any]) -> Table:
    return Table(
        caption=held["caption"],
        headings=tuple(held["headings"]),
        command=held["command"],
        rows=tuple(tuple(row) for row in held["rows"]),
    )
