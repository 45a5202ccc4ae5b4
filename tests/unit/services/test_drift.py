"""Distances and rates that are honest about how many images they stand on."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services import drift

values = st.lists(st.floats(-1e6, 1e6), min_size=drift.LEAST, max_size=80)
numbers = st.integers(0, 400)


@given(values, values)
def test_a_distance_is_symmetric_between_0_and_1_and_lies_in_its_interval(
        first: list[float], second: list[float]) -> None:
    shift = drift.shift_between(first, second)
    assert shift.distance == drift.distance(second, first)
    assert shift.low is not None
    assert shift.high is not None
    assert 0 <= shift.low <= shift.distance <= shift.high <= 1
    assert (shift.verdict == "moved") is (shift.low > 0)


@given(values, st.floats(0.01, 100), st.floats(-1e3, 1e3))
def test_a_distance_knows_no_unit(sample: list[float], scale: float, offset: float) -> None:
    other = [one * 0.5 for one in sample]
    ranks = {one: place for place, one in enumerate(sorted({*sample, *other}))}
    assert drift.distance(sample, other) == drift.distance(
        [ranks[one] * scale + offset for one in sample], [ranks[one] * scale + offset for one in other])


@given(values)
def test_the_same_images_have_not_moved_and_others_far_away_have(sample: list[float]) -> None:
    assert drift.shift_between(sample, list(reversed(sample))).distance == 0
    assert drift.shift_between(sample * 4, [one + 1e8 for one in sample] * 4).verdict == "moved"


@given(st.lists(st.floats(0, 1), max_size=drift.LEAST - 1), values)
def test_of_few_images_nothing_is_said(few: list[float], many: list[float]) -> None:
    for shift in (drift.shift_between(few, many), drift.shift_between(many, few)):
        assert (shift.verdict, shift.distance, shift.low) == ("too-few", None, None)


def test_images_of_one_kind_are_hardly_ever_called_moved() -> None:
    """At most one in twenty by its own word; in truth fewer, for the bands are wide."""
    draw = random.Random(7)
    called = sum(drift.shift_between([draw.gauss(0, 1) for _ in range(40)], [draw.gauss(0, 1) for _ in range(90)]
                                     ).verdict == "moved" for _ in range(400))
    assert called <= 20


@pytest.mark.parametrize(("images", "seen"), [(30, False), (400, True)])
def test_a_move_by_half_of_the_spread_is_seen_with_many_images_and_not_with_few(images: int, seen: bool) -> None:
    draw = random.Random(11)
    shift = drift.shift_between([draw.gauss(0.6, 1) for _ in range(images)], [draw.gauss(0, 1) for _ in range(600)], 8)
    assert (shift.verdict == "moved") is seen


@given(numbers, numbers)
def test_a_rate_lies_in_its_interval_and_more_images_narrow_it(first: int, second: int) -> None:
    hits, trials = sorted((first, second))
    rate = drift.rate_of(hits, trials)
    if not trials:
        assert rate.share is None
        return
    assert rate.share is not None
    assert 0 <= rate.low <= rate.share <= rate.high <= 1
    more = drift.rate_of(hits * 10, trials * 10)
    assert more.high - more.low < rate.high - rate.low


def test_wilsons_interval_is_the_published_one() -> None:
    rate = drift.rate_of(5, 50)
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.0435, 0.2136)


@pytest.mark.parametrize(("now", "before", "verdict"), [
    ((40, 200), (5, 669), "moved"), ((2, 200), (5, 669), "same"), ((12, 12), (5, 669), "too-few"),
    ((0, 0), (5, 669), "too-few"), ((40, 200), (0, 0), "too-few")])
def test_rates_are_compared_only_where_there_are_enough(
        now: tuple[int, int], before: tuple[int, int], verdict: str) -> None:
    assert drift.rates_differ(drift.rate_of(*now), drift.rate_of(*before)) == verdict


@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.lists(st.floats(-1e6, 1e6), max_size=60))
def test_every_image_is_in_one_bin(now: list[float], before: list[float]) -> None:
    drawn = drift.histogram(now, before)
    if drawn is None:
        assert not now
        assert not before
        return
    assert sum(drawn.now) == pytest.approx(1 if now else 0)
    assert sum(drawn.before) == pytest.approx(1 if before else 0)
    for point in drift.outline(drawn.now, 240, 64, max(*drawn.now, *drawn.before)).split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= 240
        assert -0.1 <= y <= 64
