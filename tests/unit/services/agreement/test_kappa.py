"""κ against textbooks, against another library, and against what must hold of any table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes
from sklearn.metrics import cohen_kappa_score

from portal.services.agreement.bootstrap import interval
from portal.services.agreement.kappa import cohen, fleiss, fleiss_parts, identity_weights, quadratic_weights

COHEN_1960 = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
"""Table 1 of Cohen 1960 as counts of 200: κ = 0.492."""
FLEISS_1971 = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0],
    [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0],
    [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1], [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0],
    [0, 2, 0, 4, 0], [1, 0, 2, 0, 3], [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0],
    [1, 0, 0, 4, 1], [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6]]
"""Thirty patients, six psychiatrists, five diagnoses: κ = 0.430."""
FLEISS_WORKED = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]
"""Ten subjects, fourteen raters, the usual worked example: κ = 0.210."""

tables = shapes.arrays(np.int64, st.integers(2, 6).map(lambda size: (size, size)), elements=st.integers(0, 30))
ratings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60)


def fleiss_of(counts: list[list[int]], weights: np.ndarray | None = None) -> float:
    weights = identity_weights(len(counts[0])) if weights is None else weights
    return float(fleiss(fleiss_parts(np.array(counts), weights).sum(0), weights))


def table_of(pairs: list[tuple[int, int]], size: int = 4) -> np.ndarray:
    table = np.zeros((size, size), int)
    for one, other in pairs:
        table[one, other] += 1
    return table


def test_cohens_own_example() -> None:
    assert float(cohen(np.array(COHEN_1960), identity_weights(3))) == pytest.approx(0.492, abs=5e-4)


@pytest.mark.parametrize(("counts", "kappa"), [(FLEISS_1971, 0.430), (FLEISS_WORKED, 0.210)])
def test_fleiss_tables(counts: list[list[int]], kappa: float) -> None:
    assert fleiss_of(counts) == pytest.approx(kappa, abs=5e-4)


def test_a_quadratic_weight_by_hand() -> None:
    """Six images in three classes: four on the diagonal, one a step off, one two steps off."""
    table = np.array([[2, 1, 1], [0, 1, 0], [0, 0, 1]])
    seen = (1 * 0.25 + 1 * 1) / 6
    expected = ((4 * 2 + 1 * 2 + 1 * 2) * 0.25 + 4 * 2 + 1 * 2 + 1 * 2 * 0.25) / 36
    assert float(cohen(table, quadratic_weights(3))) == pytest.approx(1 - seen / expected, abs=1e-9)


@pytest.mark.parametrize(("weights", "name"), [(identity_weights, None), (quadratic_weights, "quadratic")])
@given(pairs=ratings)
def test_the_same_as_another_library(weights: object, name: str | None, pairs: list[tuple[int, int]]) -> None:
    ours = float(cohen(table_of(pairs), weights(4)))  # type: ignore[operator]
    one, other = zip(*pairs, strict=True)
    if math.isnan(ours):
        assert len({*one, *other}) == 1
    else:
        assert ours == pytest.approx(cohen_kappa_score(one, other, weights=name, labels=[0, 1, 2, 3]), abs=1e-9)


@given(table=tables, quadratic=st.booleans())
def test_never_above_one_and_the_same_either_way_round(table: np.ndarray, quadratic: bool) -> None:
    weights = (quadratic_weights if quadratic else identity_weights)(len(table))
    kappa = float(cohen(table, weights))
    assert math.isnan(kappa) or kappa <= 1 + 1e-9
    assert kappa == pytest.approx(float(cohen(table.T, weights)), nan_ok=True)


@given(table=tables, seed=st.integers(0, 1000))
def test_names_of_classes_do_not_matter(table: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(table))
    weights = identity_weights(len(table))
    renamed = table[np.ix_(order, order)]
    assert float(cohen(table, weights)) == pytest.approx(float(cohen(renamed, weights)), nan_ok=True)


@given(table=tables)
def test_an_order_may_be_told_from_either_end(table: np.ndarray) -> None:
    weights = quadratic_weights(len(table))
    assert float(cohen(table, weights)) == pytest.approx(float(cohen(table[::-1, ::-1], weights)), nan_ok=True)


@given(counts=st.lists(st.integers(0, 20), min_size=2, max_size=6), quadratic=st.booleans())
def test_who_agrees_always_has_one(counts: list[int], quadratic: bool) -> None:
    weights = (quadratic_weights if quadratic else identity_weights)(len(counts))
    kappa = float(cohen(np.diag(counts), weights))
    assert kappa == pytest.approx(1) if sum(one > 0 for one in counts) > 1 else math.isnan(kappa)


@given(votes=st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=5), min_size=1, max_size=30),
       quadratic=st.booleans())
def test_fleiss_with_varying_raters_is_what_counting_pairs_gives(votes: list[list[int]], quadratic: bool) -> None:
    weights = (quadratic_weights if quadratic else identity_weights)(3)
    pairs = [[weights[a, b] for i, a in enumerate(one) for j, b in enumerate(one) if i != j] for one in votes]
    seen = sum(sum(one) / len(one) for one in pairs) / len(pairs)
    shares = [sum(one.count(c) / len(one) for one in votes) / len(votes) for c in range(3)]
    chance = sum(weights[a, b] * shares[a] * shares[b] for a in range(3) for b in range(3))
    kappa = fleiss_of([[one.count(c) for c in range(3)] for one in votes], weights)
    if chance > 1 - 1e-9:
        assert math.isnan(kappa)
    else:
        assert kappa == pytest.approx((seen - chance) / (1 - chance), abs=1e-9)


def bounds(pairs: list[tuple[int, int]], cases: list[int]) -> tuple[float, float] | None:
    kinds = np.array([one * 4 + other for one, other in pairs])
    return interval(kinds, np.eye(16), np.array(cases), lambda sums: cohen(sums.reshape(-1, 4, 4), identity_weights(4)))


def test_images_of_one_case_say_less_than_images_of_many() -> None:
    dice = np.random.default_rng(3)
    truth = np.repeat(dice.integers(0, 4, 20), 10)
    wrong = np.repeat(dice.random(20) < 0.4, 10)
    pairs = [(int(one), int((one + 1) % 4) if off else int(one)) for one, off in zip(truth, wrong, strict=True)]
    apart = bounds(pairs, list(range(200)))
    together = bounds(pairs, [number // 10 for number in range(200)])
    assert apart is not None
    assert together is not None
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_the_interval_is_that_of_plain_resampling() -> None:
    """Patterns are a short way to draw cases: against drawing them one by one."""
    dice = np.random.default_rng(5)
    pairs = [(int(one), int(one) if lucky < 0.7 else int(dice.integers(0, 4)))
             for one, lucky in zip(dice.integers(0, 4, 120), dice.random(120), strict=True)]
    cases = np.array([number // 3 for number in range(120)])
    found = bounds(pairs, cases.tolist())
    values = []
    for _ in range(1000):
        drawn = np.concatenate([np.flatnonzero(cases == one) for one in dice.integers(0, 40, 40)])
        values.append(float(cohen(table_of([pairs[one] for one in drawn]), identity_weights(4))))
    assert found == pytest.approx(tuple(np.percentile(values, (2.5, 97.5))), abs=0.03)


@settings(max_examples=25)
@given(pairs=ratings)
def test_an_interval_is_the_same_each_time_and_stays_in_bounds(pairs: list[tuple[int, int]]) -> None:
    cases = list(range(len(pairs)))
    found = bounds(pairs, cases)
    assert found == bounds(pairs, cases)
    assert found is None or -1 <= found[0] <= found[1] <= 1


def test_one_case_has_no_interval() -> None:
    assert bounds([(0, 1), (1, 1), (2, 2)], [7, 7, 7]) is None
