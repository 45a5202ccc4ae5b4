"""What a reader may score by hand for a system, and what follows from it: all of it from the system's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.spec import Measure, ModelSpec
from portal.services.errors import BadReview


@dataclass(frozen=True, kw_only=True)
class NumberEntry:
    """A number to type, from 0 to `most` in steps of `step`."""

    key: str
    title: str
    hint: str
    most: float
    step: float


@dataclass(frozen=True, kw_only=True)
class ChoiceEntry:
    """A question to answer with one of its options."""

    key: str
    title: str
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What the review form offers besides the verdict: classes, or numbers and questions, or all of them."""

    labels: tuple[str, ...]
    numbers: tuple[NumberEntry, ...]
    choices: tuple[ChoiceEntry, ...]
    follows: bool
    """Whether more scores are worked out from these."""

    @property
    def has_scores(self) -> bool:
        return bool(self.numbers or self.choices)


def sheet_of(spec: ModelSpec) -> Sheet:
    """A class that follows from the scores is not asked for."""
    return Sheet(labels=() if spec.follow else tuple(one.name for one in spec.labels),
                 numbers=tuple(NumberEntry(key=one.key, title=one.title, hint=_range(one), most=one.most or 0.0,
                                           step=one.step) for one in _typed(spec)),
                 follows=spec.follow is not None,
                 choices=tuple(ChoiceEntry(key=one.key, title=one.title, options=one.options)
                               for one in spec.questions))


def settle_scores(spec: ModelSpec, given: Mapping[str, float | str | None]) -> tuple[str | None, dict[str, Any]]:
    """The label (where one follows) and all the scores that a reader's own stand for. Raises BadReview."""
    typed: dict[str, Any] = {one.key: _checked(one, given.get(one.key)) for one in _typed(spec)}
    answered = {one.key: given[one.key] for one in spec.questions if given.get(one.key)}
    if any(answered[one.key] not in one.options for one in spec.questions if one.key in answered):
        raise BadReview("Choose one of the answers that are offered.")
    if not typed and not answered:
        raise BadReview("Answer at least one of the questions.")
    if not spec.follow:
        return None, {**typed, **answered}
    try:
        followed = spec.follow(typed)
    except ValueError as problem:
        raise BadReview(str(problem)) from problem
    return followed.label, {**followed.scores, **answered}


def repeats_the_model(spec: ModelSpec, said: Mapping[str, Any], scores: Mapping[str, Any]) -> bool:
    """Whether a reader's scores are those that the model gave."""
    keys = [one.key for one in _typed(spec)]
    return not spec.questions and bool(keys) and all(
        abs(float(said.get(key) or 0) - scores[key]) < _tolerance(spec, key) for key in keys)


def _tolerance(spec: ModelSpec, key: str) -> float:
    return next(one.step for one in spec.measures if one.key == key) / 2


def _typed(spec: ModelSpec) -> list[Measure]:
    return [one for one in spec.measures if one.step]


def _range(measure: Measure) -> str:
    return f"0 to {measure.most or 0:g}{' ' + measure.unit if measure.unit else ''}, in steps of {measure.step:g}."


def _checked(measure: Measure, value: float | str | None) -> float:
    """Raises BadReview for what is missing, out of bounds or between two steps."""
    if not isinstance(value, float) or not 0 <= value <= (measure.most or 0):
        raise BadReview(f"{measure.title}: give a number from {_range(measure)}")
    steps = value / measure.step
    if abs(steps - round(steps)) > 1e-6:
        raise BadReview(f"{measure.title}: give a number from {_range(measure)}")
    return round(steps) * measure.step
