"""The leukemia course: the scale bar stays hidden, and a quick fit runs from images to weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch

from models.training.leukemia.moving import augment
from models.training.protocol.augment import Strength
from models.zoo._smear import corner_of
from tests.unit.models.pictures import noise

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("side", [112, 224])
def test_augmented_images_stay_images_with_the_corner_hidden(side: int) -> None:
    torch.manual_seed(0)
    batch = augment(torch.from_numpy(np.stack([noise(i, (side, side)) for i in range(4)])), Strength())
    assert batch.shape == (4, 3, side, side)
    assert (float(batch.min()) >= 0, float(batch.max()) <= 1) == (True, True)
    hidden = corner_of(side)
    assert bool((batch[:, :, -hidden:, -hidden:] == 0.5).all())


def test_the_scale_bar_leaves_no_trace_in_an_augmented_image() -> None:
    plain = noise(1, (224, 224))
    marked = plain.copy()
    marked[-corner_of(224) :, -corner_of(224) :] = 255
    seen = []
    for field in (plain, marked):
        torch.manual_seed(3)
        seen.append(augment(torch.from_numpy(field[None]), Strength()))
    assert torch.equal(*seen)


@pytest.mark.slow
@pytest.mark.datasets
@pytest.mark.parametrize(
    ("key", "side"), [("leukemia", ()), ("leukemia-efficientnetb3-vit", ("--side", "64"))]
)
def test_a_quick_fit_runs_from_images_to_weights(
    datasets: Path, tmp_path: Path, key: str, side: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "models.training", "fit", key, "--quick", "--data", str(datasets), *side]
    done = subprocess.run([*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(tmp_path / "network.pt", weights_only=True)
    assert float(state["temperature"]) > 0
    assert (tmp_path / "split.json").exists()
