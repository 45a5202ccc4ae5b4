"""Figures and their intervals, against what can be said beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.training.protocol.measures import block_bootstrap, macro_f1, per_class, wilson


@given(successes=st.integers(0, 50), more=st.integers(0, 50))
def test_a_wilson_interval_holds_its_share(successes: int, more: int) -> None:
    low, high = wilson(successes, successes + more)
    share = successes / max(1, successes + more)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


def test_sensitivity_and_specificity_of_a_known_confusion() -> None:
    labels, answers = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 1])
    first = per_class(labels, answers, 2)[0]
    assert (first["sensitivity"], first["specificity"], first["images"]) == (0.75, 1.0, 4)


def test_bootstrap_over_one_block_has_no_width() -> None:
    labels = np.array([0, 1, 1, 0])
    interval = block_bootstrap(lambda i: macro_f1(labels[i], labels[i]), [(0, 0)] * 4, seed=0, draws=5)
    assert interval == (1.0, 1.0)


def test_every_bootstrap_draw_has_every_class() -> None:
    blocks = [(label, number) for label in range(3) for number in range(2) for _ in range(5)]
    labels = np.array([label for label, _ in blocks])
    assert block_bootstrap(lambda i: float(len(set(labels[i]))), blocks, seed=0, draws=50) == (3.0, 3.0)
