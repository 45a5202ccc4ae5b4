"""Torch and the served graph say the same, and its heat maps are Grad-CAM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.runtime import ort

pytest.importorskip("torch", reason="torch is not installed: parity needs requirements.txt")

import torch
from PIL import Image

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.scoring.pancreas import ITEMS
from models.spec import Pixels
from models.training.pancreas.drawn import Drawing, draw_pancreas
from models.training.pancreas.served import parity, reload
from models.zoo.pancreas import CROP, as_input, prepared
from tests.unit.models.pictures import noise

PREDICT = WEIGHTS / Catalogue()["pancreas"].spec.graphs["predict"].name


@pytest.fixture(scope="module")
def network() -> Any:
    return reload(PREDICT)


def fields() -> list[Pixels]:
    wanted = ((0, 0, 0, 0), (4, 3, 3, 4), (2, 1, 0, 3))
    drawn = [draw_pancreas(Drawing(scores=some, seed=71_000_000)) for some in wanted]
    return [*(prepared(one) for one in drawn), noise(3, (CROP, CROP))]


def test_torch_and_onnx_agree_on_drawn_images(network: Any) -> None:
    worst = parity(network, PREDICT, fields())
    assert worst["shares"] <= 1e-4
    assert worst["heatmaps"] <= 1e-4


@pytest.mark.datasets
def test_torch_and_onnx_agree_on_real_images(network: Any, datasets: Path) -> None:
    paths = [*sorted((datasets / "he" / "lc25000").glob("*.jpeg"))[:6], *(datasets / "he" / "pancreas").glob("*.png")]
    images = [prepared(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
    assert max(parity(network, PREDICT, images).values()) <= 1e-4


@pytest.mark.parametrize("index", range(5))
def test_the_heat_maps_are_grad_cam(network: Any, index: int) -> None:
    """Against autograd: each channel's mean slope times the channel, what is negative left out, by its maximum."""
    image = as_input(fields()[1])
    features = network.describe(torch.from_numpy(image)).detach().requires_grad_()
    shares = network.head(features.mean(dim=(2, 3)))[0]
    maxima = torch.tensor([one.most for one in ITEMS])
    answer = (shares * maxima).sum() if index == 0 else shares[index - 1]
    (slope,) = torch.autograd.grad(answer, features)
    weighted = (slope.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)[0].relu().detach().numpy()
    served = ort.InferenceSession(PREDICT).run(["heatmaps"], {"image": image})[0][0, index]
    assert np.abs(weighted / max(weighted.max(), 1e-12) - served).max() < 1e-4


def test_the_network_is_resnet18_with_four_outputs(network: Any) -> None:
    assert network(torch.zeros(2, 3, CROP, CROP)).shape == (2, 4)
    trunk = sum(parameter.numel() for name, parameter in network.named_parameters() if name.startswith("trunk"))
    assert trunk == 11_176_512
