"""The bench: honest splits, calibration, augmentation and figures. Needs the full requirements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch

from models.training.augment import Strength, augment, through_jpeg
from models.training.calibrate import expected_calibration_error, fit_temperature, probabilities
from models.training.data import ROLES, split_blocks
from models.training.measures import block_bootstrap, macro_f1, per_class, wilson
from models.training.outliers import generated, mosaics
from models.zoo._smear import CORNER
from tests.unit.models.pictures import noise

ROOT = Path(__file__).resolve().parents[3]

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


def overconfident(factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose true probabilities are known, then sharpened by a factor."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 1.5, (4000, 4))
    labels = np.array([rng.choice(4, p=row) for row in probabilities(logits)])
    return logits * factor, labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_temperature_undoes_a_known_sharpening(factor: float) -> None:
    logits, labels = overconfident(factor)
    assert fit_temperature(logits, labels) == pytest.approx(factor, rel=0.1)


def test_temperature_lowers_the_calibration_error_and_keeps_the_answers() -> None:
    logits, labels = overconfident(3.0)
    before, after = probabilities(logits), probabilities(logits, fit_temperature(logits, labels))
    assert expected_calibration_error(after, labels) < 0.03 < expected_calibration_error(before, labels)
    assert np.array_equal(before.argmax(1), after.argmax(1))


def test_augmented_images_stay_images_with_the_corner_hidden() -> None:
    torch.manual_seed(0)
    batch = augment(torch.from_numpy(np.stack([noise(i, (224, 224)) for i in range(4)])), Strength())
    assert batch.shape == (4, 3, 224, 224)
    assert (float(batch.min()) >= 0, float(batch.max()) <= 1) == (True, True)
    assert bool((batch[:, :, -CORNER:, -CORNER:] == 0.5).all())


def test_the_scale_bar_leaves_no_trace_in_an_augmented_image() -> None:
    plain = noise(1, (224, 224))
    marked = plain.copy()
    marked[-CORNER:, -CORNER:] = 255
    seen = []
    for field in (plain, marked):
        torch.manual_seed(3)
        seen.append(augment(torch.from_numpy(field[None]), Strength()))
    assert torch.equal(*seen)


def test_jpeg_changes_little_and_keeps_the_shape() -> None:
    smooth = torch.linspace(0, 1, 64).expand(3, 64, 64).contiguous()
    assert float((through_jpeg(smooth, 90) - smooth).abs().max()) < 0.05


def test_outliers_differ_from_each_other() -> None:
    rng = np.random.default_rng(0)
    made = generated(10, rng)
    assert len({one.tobytes() for one in made}) == 10
    assert mosaics([noise(1), noise(2)], 2, rng).shape == (2, 224, 224, 3)


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


@pytest.mark.slow
@pytest.mark.datasets
def test_a_quick_fit_runs_from_images_to_weights(datasets: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "models.training", "fit", "leukemia", "--quick", "--data", str(datasets)]
    done = subprocess.run([*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(tmp_path / "network.pt", weights_only=True)
    assert float(state["temperature"]) > 0
    assert (tmp_path / "split.json").exists()
