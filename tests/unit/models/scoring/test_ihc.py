"""The rules of ER scoring against their formulas, at their boundaries, and under edits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring.ihc import (
    CONTROL_QUESTION,
    INTENSITIES,
    LOW_POSITIVE_COMMENT,
    POSITIVE_ALLRED,
    Counts,
    Intensity,
    allred,
    category,
    comments,
    h_score,
    intensity_score,
    percent,
    proportion_score,
    scores,
    whole_percent,
)

number = st.integers(0, 5000)
some_counts = st.builds(Counts, normal=number, weak=number, moderate=number, strong=number)
counted = some_counts.filter(lambda counts: counts.total > 0)
intensities = st.sampled_from(INTENSITIES)


def of_share(per_mille: int) -> Counts:
    """So many tenths of a per cent strongly stained."""
    return Counts(normal=1000 - per_mille, strong=per_mille)


@given(counted)
def test_h_score_is_its_formula_and_within_its_bounds(counts: Counts) -> None:
    weighted = counts.weak + 2 * counts.moderate + 3 * counts.strong
    assert h_score(counts) == pytest.approx(float(Fraction(100 * weighted, counts.total)))
    assert 0 <= h_score(counts) <= 300


@given(counted)
def test_allred_is_0_or_2_to_8(counts: Counts) -> None:
    assert allred(counts) in {0, 2, 3, 4, 5, 6, 7, 8}
    assert (allred(counts) == 0) == (counts.positive == 0)
    assert allred(counts) == proportion_score(counts) + intensity_score(counts)


@given(counted)
def test_shares_add_up(counts: Counts) -> None:
    parts = [percent(counts.of(intensity), counts) for intensity in INTENSITIES]
    assert sum(parts) == pytest.approx(100)
    assert sum(parts[1:]) == pytest.approx(percent(counts.positive, counts))


@given(counted, intensities, intensities)
def test_a_nucleus_called_stronger_lowers_no_score(counts: Counts, before: Intensity, after: Intensity) -> None:
    if INTENSITIES.index(after) < INTENSITIES.index(before) or counts.of(before) == 0:
        return
    moved = counts.moved(before, after)
    assert moved.total == counts.total
    assert h_score(moved) >= h_score(counts)
    assert whole_percent(moved) >= whole_percent(counts)
    assert proportion_score(moved) >= proportion_score(counts)
    order = ["negative", "low-positive", "positive"]
    assert order.index(category(moved)) >= order.index(category(counts))


@given(counted, intensities, intensities)
def test_moving_there_and_back_changes_nothing(counts: Counts, before: Intensity, after: Intensity) -> None:
    if counts.of(before):
        assert counts.moved(before, after).moved(after, before) == counts


@given(counted, intensities, intensities)
def test_an_edit_moves_the_h_score_by_its_weight(counts: Counts, before: Intensity, after: Intensity) -> None:
    if counts.of(before):
        step = INTENSITIES.index(after) - INTENSITIES.index(before)
        change = h_score(counts.moved(before, after)) - h_score(counts)
        assert change == pytest.approx(100 * step / counts.total)


@given(counted, st.integers(2, 9))
def test_scores_depend_on_shares_and_not_on_how_many_were_counted(counts: Counts, times: int) -> None:
    more = Counts(**{name: counts.of(name) * times for name in INTENSITIES})
    assert allred(more) == allred(counts)
    assert category(more) == category(counts)
    assert h_score(more) == pytest.approx(h_score(counts))


@pytest.mark.parametrize(
    ("per_mille", "whole", "proportion", "called"),
    [
        (0, 0, 0, "negative"),
        (4, 0, 1, "negative"),
        (5, 1, 1, "low-positive"),
        (9, 1, 1, "low-positive"),
        (10, 1, 2, "low-positive"),
        (14, 1, 2, "low-positive"),
        (15, 2, 2, "low-positive"),
        (100, 10, 2, "low-positive"),
        (104, 10, 2, "low-positive"),
        (105, 11, 3, "positive"),
        (330, 33, 3, "positive"),
        (334, 33, 3, "positive"),
        (335, 34, 4, "positive"),
        (340, 34, 4, "positive"),
        (660, 66, 4, "positive"),
        (664, 66, 4, "positive"),
        (665, 67, 5, "positive"),
        (670, 67, 5, "positive"),
        (1000, 100, 5, "positive"),
    ],
)
def test_boundaries(per_mille: int, whole: int, proportion: int, called: str) -> None:
    counts = of_share(per_mille)
    assert whole_percent(counts) == whole
    assert proportion_score(counts) == proportion
    assert category(counts) == called


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(normal=5, weak=1), 1),
        (Counts(weak=1, strong=1), 2),
        (Counts(weak=1, moderate=1), 2),
        (Counts(weak=2, moderate=1), 1),
        (Counts(moderate=1, strong=1), 3),
        (Counts(moderate=2, strong=1), 2),
        (Counts(normal=9), 0),
    ],
)
def test_intensity_is_the_positive_nuclei_s_mean_half_rounded_up(counts: Counts, expected: int) -> None:
    assert intensity_score(counts) == expected


def test_the_least_that_allred_calls_positive() -> None:
    """One strong nucleus in a thousand: proportion 1 and intensity 3, positive by Allred, negative by ASCO/CAP."""
    counts = Counts(normal=999, strong=1)
    assert allred(counts) == 4 >= POSITIVE_ALLRED
    assert category(counts) == "negative"


@given(counted)
def test_controls_are_asked_for_up_to_ten_per_cent_and_the_comment_belongs_to_low_positive(counts: Counts) -> None:
    said = comments(counts)
    assert (CONTROL_QUESTION in said) == (whole_percent(counts) <= 10)
    assert (LOW_POSITIVE_COMMENT in said) == (category(counts) == "low-positive")


def test_nothing_counted_is_nothing_scored() -> None:
    for rule in (h_score, allred, category, scores, whole_percent):
        with pytest.raises(ValueError, match="no nucleus"):
            rule(Counts())


def test_counts_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Counts(weak=-1)
    with pytest.raises(ValueError, match="negative"):
        Counts(normal=1).moved("strong", "normal")


@given(counted)
def test_every_number_of_a_reading_follows_from_the_counts(counts: Counts) -> None:
    found = scores(counts)
    assert found["nuclei"] == counts.total
    assert found["percent_positive"] == pytest.approx(
        found["percent_weak"] + found["percent_moderate"] + found["percent_strong"]
    )
    weighted = found["percent_weak"] + 2 * found["percent_moderate"] + 3 * found["percent_strong"]
    assert found["h_score"] == pytest.approx(weighted)
