"""Drawn pancreas: every score changes what it should, and nothing gives it away besides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.scoring.pancreas import ITEMS, checked
from models.spec import Pixels
from models.training.pancreas.data import drawings
from models.training.pancreas.drawn import Drawing, draw_pancreas, independent
from models.training.pancreas.mosaic import tiled
from models.training.protocol.splits import ROLES

SIZE = (192, 160)


def drawn(seed: int = 1, **scores: float) -> Pixels:
    wanted = tuple(scores.get(item.key, 0.0) for item in ITEMS)
    return draw_pancreas(Drawing(scores=wanted, seed=seed, size=SIZE))


def test_the_same_drawing_is_the_same_image() -> None:
    assert np.array_equal(drawn(fibrosis=2), drawn(fibrosis=2))
    assert not np.array_equal(drawn(fibrosis=2), drawn(seed=2, fibrosis=2))


def test_an_image_has_the_size_that_was_asked_for() -> None:
    assert (drawn().shape, drawn().dtype) == ((SIZE[1], SIZE[0], 3), np.uint8)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.key)
def test_a_quarter_more_of_a_score_is_drawn_as_more_of_it(item: object) -> None:
    """Of images that differ in one score alone, those with closer scores look more alike."""
    key, most = item.key, item.most  # type: ignore[attr-defined]
    none, some, full = (drawn(**{key: most * share}).astype(int) for share in (0, 0.25, 1))
    assert 0 < np.abs(some - none).mean() < np.abs(full - none).mean()


def test_atrophy_leaves_more_of_the_image_empty() -> None:
    light = [np.mean([(drawn(seed, atrophy=score).min(axis=2) > 200).mean() for seed in range(4)]) for score in (0, 3)]
    assert light[1] > light[0] + 0.2


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), jitter=st.floats(0, 0.45), bend=st.floats(0, 0.7), pitch=st.floats(6, 40))
def test_every_pixel_lies_in_a_piece(seed: int, jitter: float, bend: float, pitch: float) -> None:
    mosaic = tiled(np.random.default_rng(seed), (40, 50), pitch, jitter, bend)
    assert (mosaic.edge >= 0).all()
    assert np.isfinite(mosaic.reach).all()
    assert (mosaic.nearest >= 0).all()
    assert int(mosaic.nearest.max()) < mosaic.count


def test_drawn_scores_can_stand_and_do_not_go_together() -> None:
    scores = np.array(independent(np.random.default_rng(0), 600))
    for column, item in zip(scores.T, ITEMS, strict=True):
        assert [checked(item.key, value) for value in column] == column.tolist()
        assert (column.min(), column.max()) == (0, item.most)
    off = np.corrcoef(scores.T)[~np.eye(4, dtype=bool)]
    assert np.abs(off).max() < 0.12


def test_no_two_parts_share_a_drawing() -> None:
    experts = [(1.0, 1.0, 1.0, 1.0)] * 40
    groups = [drawings(role, 40, seed) for role in ROLES for seed in (1, 2)]
    groups += [drawings("test", 40, 1, "strong"), drawings("test", 40, 1, "weak"),
               drawings("test", 40, 1, "usual", experts)]
    seeds = [one.seed for group in groups for one in group]
    assert len(set(seeds)) == len(seeds) == 40 * 9
