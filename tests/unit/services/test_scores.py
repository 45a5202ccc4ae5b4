"""Scores as text and bars, and what a reader may score by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spec import Label, Measure, ModelSpec, Question, Reading, unserved_spec
from portal.services.by_hand import settle_scores, sheet_of, starting_numbers
from portal.services.errors import BadReview
from portal.services.scores import facts_of, measures_of, questions_of, summary_of

QUARTERS = (Measure(key="first", title="First", most=4, decimals=2, step=0.25),
            Measure(key="second", title="Second", most=3, decimals=2, step=0.25))
TOTAL = Measure(key="total", title="Total", most=7, decimals=2)


def add_up(typed: Mapping[str, float]) -> Reading:
    return Reading(outcome="scored", scores={**typed, "total": sum(typed.values())})


def made(**changes: object) -> ModelSpec:
    return replace(unserved_spec("made-up", "1"), **changes)  # type: ignore[arg-type]


SCORED = made(measures=(*QUARTERS, TOTAL), follow=add_up)


def test_a_measure_says_its_unit_and_out_of_how_many() -> None:
    spec = made(measures=(
        Measure(key="h", title="H-score", most=300), Measure(key="p", title="Share", unit="%", most=100, decimals=1),
        Measure(key="n", title="Nuclei"), Measure(key="missing", title="Missing")))
    texts = [one.text for one in measures_of(spec, {"h": 183.4, "p": 12.34, "n": 532})]
    assert texts == ["183 of 300", "12.3 %", "532"]


def test_a_question_nobody_trained_has_no_answer() -> None:
    spec = made(questions=(Question(key="a", title="A", options=("x", "y")),
                           Question(key="b", title="B", options=("z",))))
    trained, untrained = questions_of(spec, {"a": {"x": 0.3, "y": 0.7}, "b": None})
    assert (trained.answer, [bar.label for bar in trained.bars]) == ("y", ["x", "y"])
    assert (untrained.answer, untrained.bars) == ("", ())


def test_of_many_options_the_likeliest_are_shown() -> None:
    options = tuple(f"tissue {number}" for number in range(58))
    spec = made(questions=(Question(key="tissue", title="Tissue", options=options),))
    (line,) = questions_of(spec, {"tissue": {option: number / 1653 for number, option in enumerate(options)}})
    assert [bar.label for bar in line.bars][:2] == ["tissue 57", "tissue 56"]
    assert line.left_out + len(line.bars) == 58


@pytest.mark.parametrize(("label", "scores", "words"), [
    ("Pre", {"Pre": 0.9}, ""),
    (None, {"first": 1.0, "second": 2.0, "total": 3.0}, "Total 3.00 of 7"),
    ("high", {"first": 1.0, "total": 1.0}, "First 1.00 of 4"),
    (None, {}, ""),
])
def test_a_list_shows_the_weightiest_score(label: str | None, scores: dict[str, float], words: str) -> None:
    assert summary_of(SCORED, label, scores) == words


def test_a_list_shows_the_first_answer_and_how_many_more() -> None:
    spec = made(questions=tuple(Question(key=key, title=key.upper(), options=("x", "y")) for key in "abc"))
    scores = {"a": {"x": 0.4, "y": 0.6}, "b": None, "c": {"x": 1.0, "y": 0.0}}
    assert summary_of(spec, None, scores) == "A: y, 1 more"


def test_what_nobody_declared_is_still_shown() -> None:
    assert facts_of(SCORED, {"first": 1.0, "dominant": "weak", "raw": [1, 2]}) == (("Dominant", "weak"),)


@given(st.integers(0, 16), st.integers(0, 12))
def test_every_step_within_the_bounds_is_taken(first: int, second: int) -> None:
    typed = {"first": first / 4, "second": second / 4}
    assert settle_scores(SCORED, typed) == (None, {**typed, "total": sum(typed.values())})


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_nothing_else_is_taken(value: float) -> None:
    fits = 0 <= value <= 4 and (value * 4).is_integer()
    try:
        settle_scores(SCORED, {"first": value, "second": 0.0})
    except BadReview:
        assert not fits
    else:
        assert fits or abs(value * 4 - round(value * 4)) < 1e-5


@given(st.integers(0, 1000))
def test_a_tenth_is_a_step_though_it_is_no_binary_fraction(tenths: int) -> None:
    spec = made(measures=(Measure(key="share", title="Share", most=100, unit="%", step=0.1),))
    assert settle_scores(spec, {"share": tenths / 10}) == (None, {"share": tenths / 10})


def test_a_measure_without_a_most_takes_any_count() -> None:
    spec = made(measures=(Measure(key="nuclei", title="Nuclei", step=1),))
    assert settle_scores(spec, {"nuclei": 100_000.0})[1] == {"nuclei": 100_000.0}
    with pytest.raises(BadReview):
        settle_scores(spec, {"nuclei": 1.5})


def test_a_number_that_is_missing_is_asked_for_by_name() -> None:
    with pytest.raises(BadReview, match="Second"):
        settle_scores(SCORED, {"first": 1.0, "second": None})


def test_questions_may_be_left_open_but_not_all_of_them() -> None:
    spec = made(questions=tuple(Question(key=key, title=key, options=("x", "y")) for key in "ab"))
    assert settle_scores(spec, {"a": "x", "b": ""}) == (None, {"a": "x"})
    for given_answers in ({"a": "", "b": ""}, {"a": "z", "b": ""}):
        with pytest.raises(BadReview):
            settle_scores(spec, given_answers)


def test_the_form_starts_from_the_models_numbers_on_their_steps() -> None:
    assert starting_numbers(SCORED, {"first": 1.13, "second": 2.0, "total": 3.13}) == {"first": 1.25, "second": 2.0}
    assert starting_numbers(SCORED, {}) == {}


def test_a_label_that_follows_is_not_asked_for() -> None:
    labels = (Label(name="low", meaning=""),)
    assert sheet_of(made(labels=labels)).labels == ("low",)
    assert sheet_of(made(labels=labels, measures=QUARTERS, follow=add_up)).labels == ()
