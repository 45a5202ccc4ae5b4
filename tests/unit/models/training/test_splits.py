"""Splits keep blocks whole, and a run keeps to one split."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.training.protocol.splits import ROLES, record_split, split_blocks, spread

blocks = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=200)


@given(blocks=blocks, seed=st.integers(0, 2**16))
def test_a_split_never_separates_a_block(blocks: list[tuple[int, int]], seed: int) -> None:
    roles = split_blocks(blocks, seed)
    assert len(roles) == len(blocks)
    assert len(set(zip(blocks, roles, strict=True))) == len(set(blocks))


@given(seed=st.integers(0, 2**16))
@settings(max_examples=25)
def test_every_role_gets_its_share_of_each_class(seed: int) -> None:
    blocks = [(label, number // 40) for label in range(4) for number in range(800)]
    roles = np.array(split_blocks(blocks, seed))
    shares = [float((roles == role).mean()) for role in ROLES]
    assert shares == pytest.approx([0.60, 0.15, 0.25], abs=0.03)


def test_a_seed_always_gives_the_same_split() -> None:
    blocks = [(0, number // 40) for number in range(400)]
    assert split_blocks(blocks, 7) == split_blocks(blocks, 7)
    assert split_blocks(blocks, 7) != split_blocks(blocks, 8)


def recorded(folder: Path, test: str) -> dict[str, object]:
    """The split of three files of which `test` is kept out."""
    paths = []
    for name in ("a", "b", "c"):
        paths.append(folder / name)
        paths[-1].write_text(name)
    others = [path for path in paths if path.name != test]
    parts = {"train": others[:1], "validation": others[1:], "test": [folder / test]}
    record_split(20, parts, {role: [1] for role in ROLES}, folder / "run")
    found: dict[str, object] = json.loads((folder / "run" / "split.json").read_text())
    return found


def test_a_run_goes_on_with_the_split_it_was_begun_with(tmp_path: Path) -> None:
    assert recorded(tmp_path, "c") == recorded(tmp_path, "c")


def test_a_run_refuses_another_split_than_it_was_begun_with(tmp_path: Path) -> None:
    recorded(tmp_path, "c")
    with pytest.raises(ValueError, match="unseen"):
        recorded(tmp_path, "a")


@given(count=st.integers(1, 500), most=st.integers(1, 500))
def test_a_quick_run_keeps_evenly_spread_items(count: int, most: int) -> None:
    kept = spread(count, most)
    assert len(kept) == min(count, most)
    assert sorted(set(kept)) == kept
    assert set(kept) <= set(range(count))
