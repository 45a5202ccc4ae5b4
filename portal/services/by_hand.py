"""What a reader may score by hand for a system, and what follows from it: all of it from the system's own words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.spec import Measure, ModelSpec
from portal.services.errors import BadReview


@dataclass(frozen=True, kw_only=True)
class NumberEntry:
    """A number to type; `hint` says between which bounds and in which steps."""

    key: str
    title: str
    hint: str


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
                 numbers=tuple(NumberEntry(key=one.key, title=one.title, hint=_range(one)) for one in _typed(spec)),
                 follows=spec.follow is not None,
                 choices=tuple(ChoiceEntry(key=one.key, title=one.title, options=one.options)
                               for one in spec.questions))


def settle_scores(spec: ModelSpec, given: Mapping[str, float | str | None]) -> tuple[str | None, dict[str, Any]]:
    """The label (where one follows) and all the scores that a reader's own stand for. Raises BadReview."""
    typed: dict[str, Any] = {one.key: _checked(one, given.get(one.key)) for one in _typed(spec)}
    answered = settle_answers(spec, given)
    if not typed and not answered:
        raise BadReview("Answer at least one of the questions.")
    if not spec.follow:
        return None, {**typed, **answered}
    try:
        followed = spec.follow(typed)
    except ValueError as problem:
        raise BadReview(str(problem)) from problem
    return followed.label, {**followed.scores, **answered}


def settle_answers(spec: ModelSpec, given: Mapping[str, float | str | None]) -> dict[str, Any]:
    """The questions that were answered. Raises BadReview for an answer that is not offered."""
    answered = {one.key: given[one.key] for one in spec.questions if given.get(one.key)}
    if any(answered[one.key] not in one.options for one in spec.questions if one.key in answered):
        raise BadReview("Choose one of the answers that are offered.")
    return answered


def starting_numbers(spec: ModelSpec, said: Mapping[str, Any]) -> dict[str, float]:
    """What the model gave for the numbers that may be typed, brought to their steps."""
    return {one.key: _stepped(one, float(said[one.key])) for one in _typed(spec) if said.get(one.key) is not None}


def repeats_the_model(spec: ModelSpec, said: Mapping[str, Any], scores: Mapping[str, Any]) -> bool:
    """Whether a reader's numbers are those that the model gave."""
    starting = starting_numbers(spec, said)
    return not spec.questions and bool(starting) and all(scores[key] == value for key, value in starting.items())


def notes_of(spec: ModelSpec, scores: Mapping[str, Any]) -> tuple[str, ...]:
    """The sentences that belong to scores that a reader gave."""
    typed = {one.key: scores[one.key] for one in _typed(spec) if one.key in scores}
    try:
        return spec.follow(typed).notes if spec.follow and typed else ()
    except ValueError:
        # Shares of counted nuclei, each brought to its step, may be a hair more than a whole.
        return ()


def _typed(spec: ModelSpec) -> list[Measure]:
    return [one for one in spec.measures if one.step]


def _range(measure: Measure) -> str:
    bounds = "0 or more" if measure.most is None else f"0 to {measure.most:g}"
    return f"{bounds}{' ' + measure.unit if measure.unit else ''}, in steps of {measure.step:g}."


def _checked(measure: Measure, value: float | str | None) -> float:
    """Raises BadReview for what is missing, out of bounds or between two steps."""
    most = math.inf if measure.most is None else measure.most
    if not isinstance(value, int | float) or not 0 <= value <= most or math.isinf(value):
        raise BadReview(f"{measure.title}: give a number. {_range(measure)}")
    stepped = _stepped(measure, value)
    if abs(stepped - value) > 1e-6:
        raise BadReview(f"{measure.title}: give a number. {_range(measure)}")
    return stepped


def _stepped(measure: Measure, value: float) -> float:
    """The nearest step; rounded, for a tenth is no binary fraction."""
    return round(round(value / measure.step) * measure.step, 6)
