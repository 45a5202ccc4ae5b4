"""The rules of the four pancreas scores."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring import pancreas
from models.scoring.pancreas import KEYS, MAXIMA, ScoreError, checked, parsed, rounded, total

ITEMS = st.sampled_from(pancreas.ITEMS)
NUMBERS = st.floats(-20, 20)


@given(item=ITEMS, value=NUMBERS)
def test_a_rounded_score_can_always_stand(item: pancreas.Item, value: float) -> None:
    score = rounded(value, item.most)
    assert checked(item.key, score) == score
    assert rounded(score, item.most) == score


@given(item=ITEMS, value=NUMBERS)
def test_rounding_moves_a_score_by_an_eighth_at_most(item: pancreas.Item, value: float) -> None:
    clipped = min(max(value, 0), item.most)
    assert abs(rounded(value, item.most) - clipped) <= 0.125


@given(item=ITEMS, one=NUMBERS, other=NUMBERS)
def test_rounding_keeps_the_order(item: pancreas.Item, one: float, other: float) -> None:
    assert rounded(min(one, other), item.most) <= rounded(max(one, other), item.most)


def test_halfway_goes_up() -> None:
    assert [rounded(value, 3) for value in (0.125, 0.375, 1.1249, 1.125)] == [0.25, 0.5, 1.0, 1.25]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_score(value: float) -> None:
    with pytest.raises(ScoreError):
        rounded(value, 3)
    with pytest.raises(ScoreError):
        checked("fibrosis", value)


@given(quarters=st.tuples(*(st.integers(0, int(most * 4)) for most in MAXIMA.values())))
def test_the_total_is_the_sum_of_the_four(quarters: tuple[int, ...]) -> None:
    scores = {key: count / 4 for key, count in zip(KEYS, quarters, strict=True)}
    assert total(scores) == sum(quarters) / 4
    assert 0 <= total(scores) <= 14


def test_the_worst_of_all_four_is_14() -> None:
    assert total({"architecture": 4, "atrophy": 3, "complexes": 3, "fibrosis": 4}) == pancreas.TOTAL_MOST == 14


@pytest.mark.parametrize(
    ("key", "text"),
    [("architecture", "4.25"), ("atrophy", "3.25"), ("complexes", "-0.25"), ("fibrosis", "1.3"), ("fibrosis", ""),
     ("atrophy", "nan"), ("atrophy", "inf"), ("atrophy", "two"), ("atrophy", "1,000.25")],
)
def test_a_typed_score_that_cannot_stand_is_refused_with_its_bounds(key: str, text: str) -> None:
    with pytest.raises(ScoreError, match=rf"{key.capitalize()} must be from 0 to {MAXIMA[key]:g} in steps of 0.25"):
        parsed(key, text)


@pytest.mark.parametrize(("text", "value"), [("2", 2.0), (" 0.75 ", 0.75), ("1,25", 1.25), ("0", 0.0)])
def test_a_typed_score_is_read_with_point_or_comma(text: str, value: float) -> None:
    assert parsed("complexes", text) == value


def test_a_total_needs_all_four() -> None:
    with pytest.raises(KeyError):
        total({"architecture": 1})
