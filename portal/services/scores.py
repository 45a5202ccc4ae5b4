"""Scores as a page shows them: bars, measures, answers to questions, and one line for lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.spec import Measure, ModelSpec, Question

SHOWN_OPTIONS = 6
"""Of a question with more options, only the likeliest are shown."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One class or option and its probability in 0..1."""

    label: str
    value: float
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class MeasureLine:
    """One number with its unit, "of" its most; `share` of the most in 0..1 where there is one."""

    key: str
    title: str
    value: str
    unit: str
    most: str
    share: float | None
    meaning: str

    @property
    def text(self) -> str:
        unit = self.unit if self.unit in ("", "%") else f" {self.unit}"
        return f"{self.value}{' ' if unit == '%' else ''}{unit}" + (f" of {self.most}" if self.most else "")


@dataclass(frozen=True, kw_only=True)
class QuestionLine:
    """One question: its answer and how the options compare; no answer when nobody trained it."""

    key: str
    title: str
    answer: str
    bars: tuple[Bar, ...]
    left_out: int = 0


def bars_of(spec: ModelSpec, scores: Mapping[str, Any], label: str | None) -> tuple[Bar, ...]:
    """The classes in the model's own order, so that two results compare at a glance."""
    return tuple(Bar(label=one.name, value=scores[one.name], chosen=one.name == label)
                 for one in spec.labels if one.name in scores)


def measures_of(spec: ModelSpec, scores: Mapping[str, Any]) -> tuple[MeasureLine, ...]:
    """The measures that were taken, in the model's own order."""
    return tuple(_measure_line(one, scores[one.key]) for one in spec.measures if scores.get(one.key) is not None)


def questions_of(spec: ModelSpec, scores: Mapping[str, Any]) -> tuple[QuestionLine, ...]:
    """All questions of a scored image, those that nobody trained too; by hand, those that were answered."""
    return tuple(_question_line(one, scores[one.key]) for one in spec.questions if one.key in scores)


def facts_of(spec: ModelSpec, scores: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What else was answered in a word or a number, by name."""
    declared = {*(one.name for one in spec.labels), *(one.key for one in spec.measures),
                *(one.key for one in spec.questions)}
    return tuple((key.replace("_", " ").capitalize(), f"{value:g}" if isinstance(value, float) else str(value))
                 for key, value in scores.items() if key not in declared and isinstance(value, str | int | float))


def lines_of(spec: ModelSpec, scores: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Measures and answers as name and text."""
    return (*((one.title, one.text) for one in measures_of(spec, scores)),
            *((one.title, one.answer or "not trained") for one in questions_of(spec, scores)))


def summary_of(spec: ModelSpec, label: str | None, scores: Mapping[str, Any]) -> str:
    """What a list shows beside the label: nothing where its probability says it, else one of the scores.

    Of measures the first beside a label; without a label the one that reaches highest, which is a total.
    """
    if label in scores:
        return ""
    taken = [one for one in spec.measures if scores.get(one.key) is not None]
    if taken:
        shown = taken[0] if label else max(taken, key=lambda one: one.most or 0)
        return f"{shown.title} {_measure_line(shown, scores[shown.key]).text}"
    answered = [one for one in questions_of(spec, scores) if one.answer]
    more = f", {len(answered) - 1} more" if len(answered) > 1 else ""
    return f"{answered[0].title}: {answered[0].answer}{more}" if answered else ""


def _measure_line(measure: Measure, value: float) -> MeasureLine:
    share = min(1.0, max(0.0, value / measure.most)) if measure.most else None
    most = f"{measure.most:g}" if measure.most and measure.unit != "%" else ""
    return MeasureLine(key=measure.key, title=measure.title, value=f"{value:.{measure.decimals}f}",
                       unit=measure.unit, most=most, share=share, meaning=measure.meaning)


def _question_line(question: Question, answer: Mapping[str, float] | str | None) -> QuestionLine:
    """`answer` is probabilities from a model, one option from a reader, or None."""
    if not isinstance(answer, Mapping):
        return QuestionLine(key=question.key, title=question.title, answer=answer or "", bars=())
    best = max(answer, key=lambda option: answer[option])
    options = [one for one in question.options if one in answer]
    if len(options) > SHOWN_OPTIONS:
        options = sorted(options, key=lambda option: -answer[option])[:SHOWN_OPTIONS]
    return QuestionLine(key=question.key, title=question.title, answer=best, left_out=len(answer) - len(options),
                        bars=tuple(Bar(label=one, value=answer[one], chosen=one == best) for one in options))
