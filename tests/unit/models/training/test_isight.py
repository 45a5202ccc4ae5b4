"""iSight's teaching: drawn stain is where, as strong and as much as its answers say, and nobody sees a test source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: training needs requirements.txt")

import torch

from models.imaging.stains import separate
from models.spec import Pixels
from models.training.isight.baselines import brown_histogram
from models.training.isight.cases import CLEAR, DEALT, TOUCHING, deal, make_cases, quantity_of, shown
from models.training.isight.draw import Stain, View, draw
from models.training.isight.fit import fit, patches_of, tiles_of
from models.training.isight.tissue import Canvas, make_canvas
from models.training.protocol.plan import Plan
from models.zoo._isight.bag import SIDE
from models.zoo.isight import build

QUIET = View(side=256, level=0, sparse=0)


def tissue(side: int = 256, step: int = 32, radius: int = 8) -> tuple[Pixels, Pixels]:
    """An image with a grid of pale blue nuclei, every fifth of them brown, and its mask."""
    y, x = np.mgrid[0:side, 0:side]
    rows, columns = y // step, x // step
    away = np.hypot(y - (rows + 0.5) * step, x - (columns + 0.5) * step)
    brown = (rows * 8 + columns) % 5 == 0
    pixels = np.full((side, side, 3), (238, 236, 240), dtype=np.uint8)
    pixels[(away < radius) & ~brown] = (140, 150, 200)
    pixels[(away < radius) & brown] = (90, 55, 35)
    mask = np.zeros((side, side, 3), dtype=np.uint8)
    mask[(away < radius) & brown] = (255, 0, 0)
    mask[(away < radius) & ~brown] = (0, 0, 255)
    mask[(away >= radius - 2) & (away < radius)] = (0, 255, 0)
    return pixels, mask


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    return make_canvas("grid", *tissue())


def drawn(canvas: Canvas, seed: int = 0, **stain: Any) -> tuple[Pixels, float]:
    given = {"density": 0.0, "share": 0.0, "nuclear": False, "outer": False, **stain}
    return draw(canvas, Stain(**given), QUIET, np.random.default_rng(seed))


def dab(canvas: Canvas, pixels: Pixels) -> tuple[float, float]:
    """Mean DAB density in nuclei and in the cytoplasm around them. Drawing turns the canvas; this grid is alike."""
    level = canvas.levels[0]
    brown, nucleus = separate(pixels)[..., 1], level.nuclei > 0
    return float(brown[nucleus].mean()), float(brown[(level.cells > 0) & ~nucleus].mean())


def test_a_canvas_has_every_nucleus_and_no_brown_left(canvas: Canvas) -> None:
    assert canvas.count == 64
    level = canvas.levels[0]
    left = level.density @ np.linalg.inv(np.stack([(0.65, 0.70, 0.29), (0.27, 0.57, 0.78), (0.7, -0.6, 0.3)]))
    assert left[..., 1].max() < 0.2
    blue = level.density[level.nuclei > 0].mean()
    assert blue > 3 * level.density[level.cells == 0].mean()
    assert set(np.unique(level.cells[level.nuclei > 0])) == set(range(1, 65))


def test_every_size_of_a_canvas_shows_the_same_cells(canvas: Canvas) -> None:
    for level in canvas.levels:
        assert len(np.unique(level.nuclei)) == 65
        assert (level.cells[level.nuclei > 0] == level.nuclei[level.nuclei > 0]).mean() > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_stain_is_drawn_where_it_is_said_to_be(canvas: Canvas, seed: int) -> None:
    in_nuclei, around = dab(canvas, drawn(canvas, seed, density=1.0, share=1.0, nuclear=True)[0])
    assert in_nuclei > 3 * around
    in_nuclei, around = dab(canvas, drawn(canvas, seed, density=1.0, share=1.0, outer=True)[0])
    assert around > 1.5 * in_nuclei
    both = dab(canvas, drawn(canvas, seed, density=1.0, share=1.0, nuclear=True, outer=True)[0])
    assert min(both) > 0.15


@given(st.floats(0.15, 0.6), st.floats(1.6, 2.2), st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_more_stain_is_darker(canvas: Canvas, density: float, times: float, seed: int) -> None:
    weak, _ = dab(canvas, drawn(canvas, seed, density=density, share=1.0, nuclear=True)[0])
    strong, _ = dab(canvas, drawn(canvas, seed, density=density * times, share=1.0, nuclear=True)[0])
    assert strong > weak + 0.2 * density


@given(st.floats(0, 1), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_share_that_is_told_is_the_share_that_is_drawn(canvas: Canvas, share: float, seed: int) -> None:
    told = drawn(canvas, seed, density=1.0, share=share, nuclear=True)[1]
    assert abs(told - share) <= 0.5 / 64 + 1e-9


def test_nothing_is_brown_where_nothing_is_stained(canvas: Canvas) -> None:
    pixels, share = drawn(canvas)
    assert share == 0
    assert brown_histogram(pixels)[3:].sum() < 0.02


def test_a_thinned_field_has_fewer_cells_and_nothing_where_they_were(canvas: Canvas) -> None:
    sparse, stain = View(side=256, level=0, sparse=1), Stain(density=0.0, share=0.0, nuclear=False, outer=False)
    blue = [separate(draw(canvas, stain, sparse, np.random.default_rng(seed))[0])[..., 0] for seed in range(8)]
    full = separate(drawn(canvas)[0])[..., 0]
    assert min(one.std() for one in blue) < 0.7 * full.std()
    assert all(one[canvas.levels[0].nuclei == 0].std() < full.std() for one in blue)


def test_a_core_is_round_on_white(canvas: Canvas) -> None:
    stain = Stain(density=1.0, share=1.0, nuclear=True, outer=True)
    pixels, _ = draw(canvas, stain, View(side=512, level=0, shrink=2, core=True), np.random.default_rng(3))
    assert pixels.shape == (256, 256, 3)
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() > 215
    assert pixels[100:156, 100:156].min(axis=2).mean() < 200


@pytest.mark.parametrize(
    ("share", "index"), [(0, 0), (0.001, 1), (0.249, 1), (0.25, 2), (0.75, 2), (0.7501, 3), (1, 3)]
)
def test_a_share_has_its_answer(share: float, index: int) -> None:
    assert quantity_of(share) == index


@pytest.mark.parametrize("bands", [CLEAR, TOUCHING])
def test_cases_are_negative_in_all_answers_or_in_none(canvas: Canvas, bands: Any) -> None:
    answers = np.stack([case.answers for case in make_cases([canvas], 60, 4, bands, shown(96))])
    negative = answers == 0
    assert (negative.all(axis=1) | ~negative.any(axis=1)).all()
    assert 0.05 < negative.all(axis=1).mean() < 0.45
    assert all(len(np.unique(answers[:, index])) == 4 for index in range(3))


def test_the_same_seed_draws_the_same_cases(canvas: Canvas) -> None:
    one, other = (list(make_cases([canvas], 3, 9, look=shown(96))) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True))


@given(st.integers(0, 10**6))
def test_sources_are_dealt_whole_and_to_one_role_only(seed: int) -> None:
    paths = [Path(f"{name}.png") for name in "abcdef"]
    dealt = deal(paths, seed)
    assert {role: len(some) for role, some in dealt.items()} == DEALT
    assert sorted(path for some in dealt.values() for path in some) == paths


def test_training_tiles_are_the_patches_that_serving_cuts(canvas: Canvas) -> None:
    case = next(iter(make_cases([canvas], 1, 2, look=shown(SIDE))))
    assert np.array_equal(tiles_of(case.pixels, SIDE), patches_of(case.pixels))


@torch.no_grad()
def test_attention_sums_to_one_over_the_patches_at_each_position() -> None:
    torch.manual_seed(0)
    network = build().eval()
    tokens = torch.randn(7, 121, 576)
    *_, attention, evidence = network.read(tokens, torch.zeros(1, 39))
    assert torch.allclose(attention.sum(dim=0), torch.ones(121), atol=1e-5)
    logits = network.answer(network.attend(tokens)[1], torch.zeros(1, 39))[0]
    assert torch.allclose(evidence.sum(dim=(0, 1)) + network.classifiers[0].bias, logits[0], atol=1e-4)


@torch.no_grad()
def test_an_order_of_patches_is_no_evidence_and_a_bag_is_read_alone() -> None:
    torch.manual_seed(0)
    network = build().eval()
    patches = torch.randint(0, 256, (5, 64, 64, 3), dtype=torch.uint8)
    cell = torch.zeros(1, 39)
    whole = network(patches, [2, 3], torch.zeros(2, 39))
    for index, part in enumerate((patches[:2].flip(0), patches[2:].flip(0))):
        alone = network(part, [len(part)], cell)
        assert all(torch.allclose(one[index], other[0], atol=1e-5) for one, other in zip(whole, alone, strict=True))


@pytest.mark.slow
@pytest.mark.datasets
def test_a_quick_fit_walks_the_whole_path_and_keeps_test_sources_out(datasets: Path, tmp_path: Path) -> None:
    plan = Plan(key="isight", version="1", data=datasets, out=tmp_path / "run", weights=tmp_path, quick=True)
    fit(plan)
    lines = [json.loads(line) for line in (plan.out / "epochs.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert all(np.isfinite(line["loss"]) for line in lines)
    state = torch.load(plan.out / "network.pt", weights_only=True)
    assert build().load_state_dict(state)
    assert (state["temperature"][3:] == 1).all()
    files = json.loads((plan.out / "split.json").read_text())["files"]
    assert not set(files["test"]) & {*files["train"], *files["validation"]}
