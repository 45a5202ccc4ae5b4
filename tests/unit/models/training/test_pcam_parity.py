"""Torch and the served PCam graph say the same, probability and Grad-CAM alike, for any number of patches."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: parity needs requirements.txt")

import torch

from models.engine import WEIGHTS
from models.training.pcam.export import grad_cam, parity
from models.training.pcam.fit import as_batch
from models.training.protocol.graphs import load_network
from models.training.protocol.splits import decode
from models.zoo._pcam.network import SIDE
from models.zoo.pcam import SPEC, build
from tests.unit.models.pictures import noise

PREDICT = WEIGHTS / SPEC.graphs["predict"].name


@pytest.fixture(scope="module")
def net() -> Any:
    return load_network(build(), PREDICT.with_suffix(".pt"))


def images(count: int) -> np.ndarray[Any, Any]:
    patches = np.stack([noise(seed, (SIDE, SIDE)) for seed in range(count)])
    return as_batch(patches).contiguous().numpy()


@pytest.mark.parametrize("count", [1, 2, 5, 32])
def test_torch_and_onnx_agree_on_batches_of_any_size(net: Any, count: int) -> None:
    assert max(parity(net, PREDICT, images(count)).values()) <= 1e-4


@pytest.mark.datasets
def test_torch_and_onnx_agree_on_real_patches(net: Any, datasets: Path) -> None:
    paths = sorted((datasets / "pcam" / "images").glob("*.webp"))[::100]
    batch = as_batch(np.stack([decode(path) for path in paths])).contiguous().numpy()
    assert max(parity(net, PREDICT, batch).values()) <= 1e-4


def test_grad_cam_is_the_gradient_of_the_tumour_logit(net: Any) -> None:
    """Against a numerical slope: a channel raised everywhere moves the logit by its summed gradient."""
    features = net.describe(torch.from_numpy(images(1))).detach().double()
    head = copy.deepcopy(net.head).double()
    step = torch.zeros_like(features)
    step[:, 7] = 1e-4
    rise = float((head(features + step) - head(features - step)).sum().detach()) / 2e-4
    leaf = features.clone().requires_grad_()
    (slope,) = torch.autograd.grad(head(leaf).sum(), leaf)
    assert float(slope[0, 7].sum()) == pytest.approx(rise, rel=1e-3, abs=1e-7)


def test_each_patch_of_a_batch_has_its_own_heat_map(net: Any) -> None:
    features = net.describe(torch.from_numpy(images(3))).detach()
    together = grad_cam(net.head, features.clone().requires_grad_())[1]
    alone = [grad_cam(net.head, one[None].clone().requires_grad_())[1][0] for one in features]
    assert torch.allclose(together, torch.stack(alone), atol=1e-5)
    assert float(together.detach().min()) >= 0
    assert float(together.detach().max()) <= 1
