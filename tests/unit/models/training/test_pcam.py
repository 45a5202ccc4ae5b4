"""What the PCam system is taught with: its network, its crops, its split, its threshold, and a quick fit."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch

from models.engine import WEIGHTS
from models.training.pcam import mosaics
from models.training.pcam.data import load_parts, looks
from models.training.pcam.export import parity, write_files
from models.training.pcam.fit import SHAKE, STAGES, Both, as_batch, crops, fit, sides_of, start
from models.training.pcam.threshold import choose, rates
from models.training.protocol.graphs import load_network
from models.training.protocol.plan import Plan
from models.zoo import pcam
from models.zoo._eye import EYE
from models.zoo._pcam.network import SIDE, network
from tests.unit.models.pictures import noise


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_network_has_exactly_the_published_parameters() -> None:
    net = pcam.build()
    parts = (net.trunk, net.head.attention, net.head.narrow, net.head.answer)
    attention = net.head.attention
    projections = count(attention.query) + count(attention.key) + count(attention.value)
    assert [count(part) for part in parts] == [370_816, 98_688 + 16_512, 8_256, 65]
    assert (projections, count(attention.output)) == (98_688, 16_512)
    assert count(net) == 494_337


def test_attention_is_softmax_over_positions_without_a_residual() -> None:
    """Against the formula, written out for one position at a time."""
    torch.manual_seed(0)
    attention = network(attention=True).head.attention
    positions = torch.randn(1, 9, 256)
    query, key, value = (layer(positions)[0] for layer in (attention.query, attention.key, attention.value))
    rows = []
    for i in range(9):
        weights = torch.softmax(torch.stack([query[i] @ key[j] for j in range(9)]) / 128**0.5, dim=0)
        rows.append(sum(weights[j] * value[j] for j in range(9)))
    assert torch.allclose(attention(positions)[0], attention.output(torch.stack(rows)), atol=1e-5)


def test_both_heads_stand_on_one_trunk_and_differ_in_the_head() -> None:
    both = Both()
    assert both.plain.trunk is both.served.trunk
    assert count(both) == 494_337 + count(both.plain.head)
    assert both(torch.rand(2, 3, 32, 32)).shape == (2, 2)


def test_a_start_evens_the_outputs_of_every_convolution() -> None:
    torch.manual_seed(0)
    net = network(attention=True)
    pixels = np.stack([noise(seed, (SIDE, SIDE)) for seed in range(8)])
    start(net, pixels)
    features = as_batch(pixels)
    for convolution in net.trunk:
        answers = convolution(features)
        assert float(answers.mean().detach()) == pytest.approx(0, abs=1e-3)
        assert float(answers.std().detach()) == pytest.approx(1, abs=1e-2)
        features = torch.nn.functional.max_pool2d(answers, 2).relu()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), side=st.sampled_from([32, 48, 64, SIDE]))
def test_crops_stay_images_of_the_asked_size(seed: int, side: int) -> None:
    torch.manual_seed(seed)
    found = crops(torch.rand(3, 3, SIDE, SIDE), side)
    assert found.shape == (3, 3, side, side)
    assert float(found.min()) >= -1e-5
    assert float(found.max()) <= 1 + 1e-5


def test_a_crop_holds_the_centre_that_decides_the_label() -> None:
    """Every pixel of the centre, less what a shaken crop may lose, is in every crop of its size."""
    torch.manual_seed(3)
    centre = torch.zeros(40, 3, SIDE, SIDE)
    inner = 16 - SHAKE - 6
    centre[:, :, 48 - inner : 48 + inner, 48 - inner : 48 + inner] = 1
    sums = crops(centre, 32)[:, 0].sum(dim=(1, 2))
    assert float(sums.min()) >= 0.7 * (2 * inner) ** 2


@given(st.integers(1, 60))
def test_crops_grow_with_the_epochs(epochs: int) -> None:
    sides = sides_of(epochs)
    assert len(sides) == epochs
    assert sides == sorted(sides)
    assert sides[-1] == max(side for _, side in STAGES)


def test_look_alikes_get_one_block() -> None:
    rng = np.random.default_rng(1)
    stains = rng.integers(60, 220, (6, 3))
    pixels = np.stack([
        (stains[i % 6] + rng.integers(-4, 5, (SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8) for i in range(60)
    ])
    blocks = looks(pixels, count=6, seed=0)
    assert len({(i % 6, block) for i, block in enumerate(blocks)}) == 6


@pytest.mark.slow
@pytest.mark.datasets
def test_the_split_keeps_blocks_whole_and_images_on_one_side(datasets: Path, tmp_path: Path) -> None:
    plan = Plan(key="pcam", version="0", data=datasets, out=tmp_path, weights=tmp_path)
    parts = load_parts(plan, most=600)
    names = {role: {patch.path.name for patch in part.patches} for role, part in parts.items()}
    blocks = {role: set(part.blocks) for role, part in parts.items()}
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not names[one] & names[other]  # type: ignore[index]
        assert not blocks[one] & blocks[other]  # type: ignore[index]
    assert sum(map(len, names.values())) == 600
    assert all(set(part.labels) == {0, 1} for part in parts.values())
    assert json.loads((tmp_path / "split.json").read_text())["files_sha256"]


labelled = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=4, max_size=60)


@given(labelled, st.floats(0, 1))
def test_rates_are_shares_within_their_intervals(pairs: list[tuple[float, int]], threshold: float) -> None:
    chances, labels = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    found = rates(chances, labels, threshold)
    right = ((chances >= threshold) == (labels == 1)).mean()
    assert found["accuracy"] == pytest.approx(float(right))
    for name, of in (("sensitivity", 1), ("specificity", 0)):
        low, high = found[f"{name}_interval"]
        if (labels == of).any():
            assert low - 1e-9 <= found[name] <= high + 1e-9


def test_the_threshold_lies_between_two_kinds_that_it_can_tell_apart() -> None:
    rng = np.random.default_rng(0)
    chances = np.concatenate([rng.uniform(0.05, 0.3, 200), rng.uniform(0.45, 0.9, 200)])
    labels = np.repeat([0, 1], 200)
    assert 0.3 <= choose(chances, labels) <= 0.45


def test_a_rule_that_asks_for_neighbours_stands_many_tiles() -> None:
    """With tiles that are right nine times in ten, the highest single one calls every large clean grid."""
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 500)
    chances = np.where(rng.random(1000) < 0.9, labels, 1 - labels) * 0.8 + 0.1
    found = mosaics.compare(chances, labels, dict.fromkeys(mosaics.RULES, 0.5), seed=0)
    rows = {(row["side"], row["rule"]): row for row in found}
    assert rows[(24, "highest tile")]["called"] == 1
    assert rows[(24, "highest 3×3 mean")]["called"] < 0.5
    assert rows[(24, "highest 3×3 mean")]["3×3 tiles of tumour"]["auc"] > 0.95


@pytest.mark.slow
@pytest.mark.datasets
def test_a_quick_fit_can_be_exported_and_taken_up_again(datasets: Path, tmp_path: Path) -> None:
    shutil.copy(WEIGHTS / EYE.name, tmp_path)
    torch.set_num_threads(1)
    plan = Plan(key="pcam", version="0", data=datasets, out=tmp_path / "run", weights=tmp_path, quick=True)
    fit(plan)
    told = json.loads((plan.out / "threshold.json").read_text())
    assert set(told) == {"network", "without-attention"}
    net = load_network(pcam.build(), plan.out / "network.pt")
    assert float(net.temperature) == pytest.approx(told["network"]["temperature"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = write_files(net, tmp_path, plan.stem)
    images = as_batch(np.stack([noise(seed, (SIDE, SIDE)) for seed in range(3)])).contiguous().numpy()
    assert max(parity(load_network(pcam.build(), files["torch"]), files["predict"], images).values()) <= 1e-4
    epochs = (plan.out / "epochs.jsonl").read_text()
    fit(Plan(key="pcam", version="0", data=datasets, out=plan.out, weights=tmp_path, quick=True, resume=True))
    assert (plan.out / "epochs.jsonl").read_text() == epochs
