"""How far a job is, and how long it will take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services.jobs.progress import estimate, turns_before


@given(done=st.integers(0, 10**6), total=st.integers(1, 10**6), worked=st.floats(0, 10**6))
def test_a_share_stays_between_nothing_and_everything(done: int, total: int, worked: float) -> None:
    told = estimate(done, total, worked)
    assert told.share is not None
    assert 0 <= told.share <= 1
    assert told.seconds_left is None or told.seconds_left >= 0


def test_what_has_no_size_has_no_share() -> None:
    assert estimate(0, 0, 100).percent is None


def test_a_quarter_in_a_minute_leaves_three() -> None:
    assert estimate(25, 100, 60).words == "about 3 minutes of work left"


def test_no_estimate_is_made_of_almost_nothing() -> None:
    assert estimate(1, 1000, 100).words == ""
    assert estimate(500, 1000, 0.5).words == ""


def test_a_hundred_per_cent_is_only_said_of_everything() -> None:
    assert estimate(999_999, 1_000_000, 5).percent == 99
    assert estimate(1_000_000, 1_000_000, 5).percent == 100


@pytest.mark.parametrize(("done", "words"), [(90, "about 45 seconds"), (50, "about 7 minutes"), (2, "about 5 hours")])
def test_the_time_left_is_as_coarse_as_it_is_long(done: int, words: str) -> None:
    worked = {90: 400, 50: 400, 2: 400}[done]
    assert estimate(done, 100, worked).words.startswith(words)


@pytest.mark.parametrize(("own", "others", "first"), [
    (0, [], 0), (0, [500], 1), (3, [500, 2], 9), (499, [1], 500)])
def test_owners_take_turns(own: int, others: list[int], first: int) -> None:
    assert turns_before(own, others) == first
