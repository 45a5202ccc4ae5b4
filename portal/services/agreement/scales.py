"""What of a system can be compared, and in which class of it an answer lies: all of it from the system's own words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.spec import Measure, ModelSpec, Question

MISSING, CANNOT_JUDGE = -1, -2
MOST_STEPS = 40
"""A number with more steps than these, such as a percentage in tenths, is compared in its groups or not at all."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Classes to compare in; `ordered` ones by how far they lie apart."""

    title: str
    classes: tuple[str, ...]
    ordered: bool
    score: Measure | Question | None = None
    """Where the answer lies; None for the label."""

    def place(self, label: str | None, scores: Mapping[str, Any]) -> int:
        """The class's number in `classes`, or MISSING where nothing was answered."""
        answer: Any = label if self.score is None else scores.get(self.score.key)
        if isinstance(self.score, Measure):
            return MISSING if answer is None else _step(self.score, float(answer), len(self.classes) - 1)
        if isinstance(answer, Mapping):
            answer = max(answer, key=answer.__getitem__, default=None)
        return self.classes.index(answer) if answer in self.classes else MISSING


def scales_of(spec: ModelSpec) -> list[Scale]:
    """Its class, its numbers in steps or groups, its questions."""
    found = [Scale(title="Class", classes=tuple(one.name for one in spec.labels),
                   ordered=spec.ordered_labels)] if spec.labels else []
    found += [_numbers(one) for one in spec.measures if one.groups or _few_steps(one)]
    return found + [Scale(title=one.title, classes=one.options, ordered=one.ordered, score=one)
                    for one in spec.questions]


def _few_steps(measure: Measure) -> bool:
    return bool(measure.step and measure.most) and measure.most / measure.step <= MOST_STEPS  # type: ignore[operator]


def _numbers(measure: Measure) -> Scale:
    if measure.groups:
        starts = (0.0, *(bound + 1 for bound in measure.groups[:-1]))
        classes = tuple(f"{start:g}–{end:g}" for start, end in zip(starts, measure.groups, strict=True))
        return Scale(title=f"{measure.title}, in groups", classes=classes, ordered=True, score=measure)
    steps = round((measure.most or 0) / measure.step)
    return Scale(title=measure.title, classes=tuple(f"{number * measure.step:g}" for number in range(steps + 1)),
                 ordered=True, score=measure)


def _step(measure: Measure, value: float, last: int) -> int:
    if measure.groups:
        whole = math.floor(value + 0.5)
        place = sum(whole > bound for bound in measure.groups)
    else:
        place = round(value / measure.step)
    return min(max(place, 0), last)
