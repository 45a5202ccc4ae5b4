"""Torch and the served graphs say the same, prediction and Grad-CAM alike."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: parity needs requirements.txt")

import torch

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.imaging.resize import squash
from models.spec import Pixels
from models.training.leukemia.explain import grad_cam
from models.training.leukemia.export import parity
from models.training.protocol.graphs import load_network
from models.zoo._smear import SIDE, as_input
from tests.unit.models.pictures import noise

LEUKEMIA = Catalogue()["leukemia"]
PREDICT, EXPLAIN = (WEIGHTS / LEUKEMIA.spec.graphs[name].name for name in ("predict", "explain"))


@pytest.fixture(scope="module")
def network() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_network(LEUKEMIA.build(), PREDICT.with_suffix(".pt"))


def drawn(smear: Pixels) -> NDArray[np.float32]:
    fields = [squash(smear, SIDE), np.ascontiguousarray(squash(smear, SIDE)[::-1]), noise(shape=(224, 224))]
    return np.concatenate([as_input(field) for field in fields])


def test_torch_and_onnx_agree_on_drawn_images(network: Any, smear: Pixels) -> None:
    worst = parity(network, PREDICT, EXPLAIN, drawn(smear))
    assert worst["probabilities"] <= 1e-4
    assert worst["heatmap"] <= 1e-4


@pytest.mark.datasets
def test_torch_and_onnx_agree_on_real_images(network: Any, datasets: Path) -> None:
    paths = sorted((datasets / "leukemia").glob("*/*.jpg"))[::130]
    images = [as_input(squash(np.asarray(Image.open(path).convert("RGB")), SIDE)) for path in paths]
    worst = parity(network, PREDICT, EXPLAIN, np.concatenate(images))
    assert worst["probabilities"] <= 1e-4
    assert worst["heatmap"] <= 1e-4


def test_grad_cam_is_the_gradient_of_the_chosen_logit(network: Any, smear: Pixels) -> None:
    """Against a numerical slope: a channel raised everywhere moves the logit by its summed gradient."""
    features = network.describe(torch.from_numpy(as_input(squash(smear, SIDE))))[0].detach().double()
    head = copy.deepcopy(network.head).double()
    chosen = torch.eye(4, dtype=torch.double)[1:2]
    step = torch.zeros_like(features)
    step[:, 7] = 1e-4
    rise = float(((head(features + step) - head(features - step)) * chosen).sum().detach()) / 2e-4
    leaf = features.clone().requires_grad_()
    (slope,) = torch.autograd.grad((head(leaf) * chosen).sum(), leaf)
    assert float(slope[0, 7].sum()) == pytest.approx(rise, rel=1e-3, abs=1e-7)
    assert grad_cam(network.head, features.float().requires_grad_(), chosen.float()).shape == (7, 7)


def test_any_build_answers_one_logit_per_label(network: Any) -> None:
    assert network(torch.zeros(2, 3, 224, 224)).shape == (2, len(LEUKEMIA.spec.labels))
