"""The ER course: labels from stain, nuclei restained to what they are called, honest figures, a quick fit."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.imaging.stains import compose
from models.scoring.ihc import Counts
from models.spec import Pixels
from models.training.er.baseline import read_by_otsu
from models.training.er.batches import SHARES
from models.training.er.data import DISKS, SPLIT, VOID, grade, located, outlined
from models.training.er.drawn import draw_scene
from models.training.er.fit import dice_per_class, stage_one_loss
from models.training.er.measure import errors, overlap, summed
from models.training.er.patches import dominant_class, squares_of
from models.training.er.render import Piece, cut, parted, photographed, restained, shrunk
from models.zoo._er.network import build_network

ROOT = Path(__file__).resolve().parents[4]
LIGHT = np.full(3, 235.0)


def stained(densities: list[float]) -> tuple[Pixels, Pixels]:
    """A field of square nuclei of these DAB densities, and its mask in DeepLIIF's colours, every other positive."""
    stains = np.zeros((60, 40 * len(densities), 3))
    mask = np.zeros((*stains.shape[:2], 3), np.uint8)
    for index, density in enumerate(densities):
        left = 40 * index + 10
        stains[20:40, left : left + 20] = (0.2, density, 0)
        mask[20:40, left : left + 20] = (0, 255, 0)
        mask[22:38, left + 2 : left + 18] = (255, 0, 0) if index % 2 else (0, 0, 255)
    return compose(stains, LIGHT), mask


def test_nuclei_are_outlined_with_their_border_and_graded_by_their_stain() -> None:
    pixels, mask = stained([0.0, 0.25, 0.5, 1.0, 0.9, 0.02])
    scene = outlined("made", pixels, mask)
    assert scene.nuclei.max() == 6
    assert scene.classes.tolist() == [0, 1, 2, 3, 4, 4, 2]
    assert np.array_equal(scene.nuclei > 0, mask.any(axis=2))


def test_stained_pixels_that_nobody_labelled_are_left_out() -> None:
    pixels, mask = stained([0.6, 0.6])
    mask[:, :40] = 0
    scene = outlined("made", pixels, mask)
    assert (scene.labels[25:35, 15:25] == VOID).all()
    assert (scene.labels[:10] == 0).all()


@settings(deadline=None)
@given(st.floats(-0.2, 2.5), st.floats(0, 1), st.booleans())
def test_more_stain_is_never_graded_lower(density: float, more: float, positive: bool) -> None:
    flags = np.array([positive, positive])
    low, high = grade(np.array([density, density + more]), flags)
    assert 1 <= low <= high <= 4
    assert low >= 2 or not positive


def test_the_middle_of_a_disk_is_nucleus_and_far_from_it_pale_is_background() -> None:
    stains = np.zeros((80, 80, 3))
    y, x = np.mgrid[:80, :80] - 40
    stains[np.hypot(y, x) < 12] = (0.1, 0.8, 0)
    mask = np.full((80, 80, 3), (220, 213, 230), np.uint8)
    mask[np.hypot(y, x) < 12] = (0, 255, 0)
    labels = located("made", compose(stains, LIGHT), mask).labels
    assert labels[40, 40] == 4
    assert labels[40, 52] == VOID
    assert labels[5, 5] == 0


@pytest.mark.parametrize("seed", range(3))
def test_restained_nuclei_have_the_density_of_their_class(seed: int) -> None:
    """On average: rims are blurred, so that a small nucleus alone may measure less than it was given."""
    scene = restained(draw_scene(seed, 256), np.random.default_rng(seed))
    dab = [float(scene.stains[scene.labels == kind, 1].mean()) for kind in range(1, 5) if (scene.labels == kind).any()]
    assert dab == sorted(dab)
    assert dab[0] < 0.15
    assert dab[-1] > 0.45
    assert set(np.unique(scene.labels)) <= {0, 1, 2, 3, 4}


def test_photographs_and_windows_keep_labels_in_their_places() -> None:
    scene = restained(draw_scene(5, 200), np.random.default_rng(0))
    window = cut(scene, np.random.default_rng(1), 256)
    piece = photographed(window, np.random.default_rng(2))
    assert piece.pixels.shape == (256, 256, 3)
    dark = piece.pixels.mean(axis=2)
    assert dark[piece.labels == 4].mean() < dark[piece.labels == 0].mean() - 40
    half = shrunk(scene, 0.5)
    assert half.nuclei.shape == (100, 100)
    assert (half.labels == 0).mean() == pytest.approx((scene.labels == 0).mean(), abs=0.03)


def test_lines_are_drawn_between_touching_nuclei_only() -> None:
    nuclei = np.zeros((20, 40), np.int32)
    nuclei[5:15, 5:15], nuclei[5:15, 15:25], nuclei[5:15, 30:38] = 1, 2, 3
    labels = (nuclei > 0).astype(np.uint8) * 3
    lined = parted(labels, nuclei)
    assert (lined[6:14, 14:16] == 0).all()
    assert np.array_equal(lined[:, 17:], labels[:, 17:])


def test_no_image_stands_on_two_sides() -> None:
    for sides in (SPLIT, DISKS):
        every = [one for names in sides.values() for one in names]
        assert len(every) == len(set(every))
    assert sum(SHARES) == pytest.approx(1)


def test_dice_is_its_formula_and_unlabelled_pixels_count_for_nothing() -> None:
    true = np.array([[1, 1, 2, 0, VOID]])
    found = np.array([[1, 2, 2, 0, 4]])
    whole = overlap(found, true)
    expected = [1.0, 2 / 3, 2 / 3]
    assert whole.dice[:3] == pytest.approx(expected)
    assert np.isnan(whole.dice[3:]).all()
    assert dice_per_class(found, true)[:3] == pytest.approx(expected)
    assert (whole + whole).dice[:3] == pytest.approx(expected)


def test_errors_are_those_of_the_scores() -> None:
    found, true = Counts(normal=50, weak=50), Counts(normal=100)
    one = errors(found, true)
    assert one is not None
    assert (one.h_score, one.percent_positive, one.nuclei, one.same_category) == (50, 50, 0, False)
    assert errors(Counts(), true) is None
    figures = summed([overlap(np.zeros((2, 2), int), np.zeros((2, 2), int))], [one, None])
    assert (figures["h_score_error"], figures["unscorable"]) == (50, 1)


def test_the_loss_falls_with_the_right_answer_and_ignores_what_nobody_labelled() -> None:
    labels = torch.tensor([[[0, 1], [4, VOID]]])
    right = torch.nn.functional.one_hot(labels.clamp(max=4), 5).permute(0, 3, 1, 2) * 12.0
    assert float(stage_one_loss(right, labels)) < 0.01 < float(stage_one_loss(-right, labels))
    other = right.clone()
    other[0, :, 1, 1] = torch.tensor([9.0, 0, 0, 0, 0])
    assert torch.equal(stage_one_loss(other, labels), stage_one_loss(right, labels))


def test_a_square_is_taught_by_the_class_that_dominates_it() -> None:
    labels = np.zeros((128, 128), np.uint8)
    assert dominant_class(labels) is None
    labels[:40, :40], labels[60:80, :40] = 3, 1
    assert dominant_class(labels) == 2
    pixels = np.full((128, 128, 3), 130, np.uint8)
    ((patch, dominant),) = squares_of(Piece(pixels=pixels, labels=labels))
    assert (patch.shape, dominant) == ((64, 64, 3), 2)
    assert (patch[50:] == 255).all()


def test_the_baseline_reads_a_plain_field() -> None:
    pixels, mask = stained([0.0, 0.25, 0.5, 1.0])
    said = read_by_otsu(pixels)
    assert [int(np.median(said[25:35, 40 * index + 15 : 40 * index + 25])) for index in range(4)] == [1, 2, 3, 4]
    assert (said[:10] == 0).all()
    assert mask.any()


def test_training_leaves_the_encoders_statistics_alone() -> None:
    network = build_network().train()
    before = {name: value.clone() for name, value in network.named_buffers() if "running" in name}
    network(torch.randn(2, 3, 64, 64))
    after = dict(network.named_buffers())
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed
    assert not any("encoder" in name for name in changed)


def spent_by_programs() -> float:
    """Seconds of processor time of all programs that were waited for: a busy machine makes none of it."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.mark.slow
@pytest.mark.datasets
def test_a_quick_fit_runs_from_images_to_weights_in_two_minutes(datasets: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "models.training", "fit", "er", "--quick", "--data", str(datasets)]
    before = spent_by_programs()
    done = subprocess.run([*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert spent_by_programs() - before < 120
    state = torch.load(tmp_path / "network.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in state.values())
    assert (tmp_path / "split.json").exists()
