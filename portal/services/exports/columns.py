"""The columns of the history as a table: fixed ones, and one for each score of each system that occurs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.spec import ModelSpec
from portal.services.exports.cells import Cell, flat

ANSWER = ("case", "patient", "specimen", "image", "file", "sha256", "serial", "group", "um_per_px", "prediction",
          "system", "version", "weights_sha256", "outcome", "reason", "label", "demonstration", "made_at")
REVIEW = ("reviewer", "reviewer_id", "verdict", "review_label", "review_reason", "blind", "reviewed_at")
REVIEWED = "review."
"""Stands before the name of a score that a reader gave."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The names of a table's columns; `said` and `read` are those of the scores, as `<system>.<score>`."""

    said: tuple[str, ...]
    read: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*ANSWER, *self.said, *REVIEW, *(REVIEWED + name for name in self.read))

    def scores(self, model: str, scores: Mapping[str, Any]) -> list[Cell]:
        return _placed(self.said, model, scores)

    def readings(self, model: str, scores: Mapping[str, Any]) -> list[Cell]:
        return _placed(self.read, model, scores)


def columns_of(specs: Iterable[ModelSpec], said: Iterable[str], read: Iterable[str]) -> Columns:
    """The scores that these systems declare, in their order, then what models and readers gave undeclared."""
    specs = tuple(specs)
    models = tuple(dict.fromkeys(spec.key for spec in specs))
    by_models = (f"{spec.key}.{name}" for spec in specs for name in declared(spec))
    by_readers = (f"{spec.key}.{name}" for spec in specs for name in asked(spec))
    return Columns(said=_by_model(models, by_models, said), read=_by_model(models, by_readers, read))


def declared(spec: ModelSpec) -> tuple[str, ...]:
    """The flat names of what a system says it scores. A class that follows from the scores has no probability."""
    labels = () if spec.follow else tuple(one.name for one in spec.labels)
    questions = (name for one in spec.questions for name in (one.key, f"{one.key}.probability"))
    return (*labels, *(one.key for one in spec.measures), *questions)


def asked(spec: ModelSpec) -> tuple[str, ...]:
    """The names of what a reader may score by hand, and of what follows: one answer to a question, no probability."""
    if not spec.questions and not any(one.step for one in spec.measures):
        return ()
    return (*(one.key for one in spec.measures), *(one.key for one in spec.questions))


def _by_model(models: tuple[str, ...], declared: Iterable[str], occurring: Iterable[str]) -> tuple[str, ...]:
    names = dict.fromkeys((*declared, *sorted(occurring)))
    return tuple(name for model in models for name in names if name.startswith(f"{model}."))


def _placed(columns: tuple[str, ...], model: str, scores: Mapping[str, Any]) -> list[Cell]:
    held = {f"{model}.{name}": cell for name, cell in flat(scores).items()}
    return [held.get(column) for column in columns]
