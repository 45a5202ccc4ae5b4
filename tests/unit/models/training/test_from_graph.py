"""Weights that live in the ONNX file alone: small there, and the same network when read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from models.runtime import ort

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch
from torch import nn

from models.training.protocol.from_graph import load_from_graph, round_to_bytes, store_bytes, stored_weights
from models.training.protocol.graphs import settled, write_graph

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


class Small(nn.Module):
    """Convolutions with batch norm, large and small, and a linear layer."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, bias=False)
        self.even = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, 4)

    def forward(self, image: Any) -> Any:
        x = self.norm(self.first(image)).relu()
        return self.head(self.even(self.second(x)).relu().mean(dim=(2, 3)))


class Wrapped(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Any) -> Any:
        return self.network(image)


@pytest.fixture(scope="module")
def taught() -> nn.Module:
    """A network whose batch norms do something."""
    torch.manual_seed(4)
    network = Small()
    for norm in (network.norm, network.even):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return network.eval()


def written(network: nn.Module, path: Path, *, bytewise: bool) -> nn.Module:
    network = settled(network)
    if bytewise:
        round_to_bytes(network)
    write_graph(Wrapped(network), (torch.zeros(1, 3, 12, 12),), path, ["image"], ["answer"])
    if bytewise:
        store_bytes(network, path, prefix="network.")
    return network


@pytest.mark.parametrize("bytewise", [False, True])
def test_a_network_comes_back_as_it_was_written(taught: nn.Module, tmp_path: Path, bytewise: bool) -> None:
    path = tmp_path / "small.onnx"
    network = written(taught, path, bytewise=bytewise)
    image = torch.randn(1, 3, 12, 12)
    back = load_from_graph(Small(), path, prefix="network.")
    served = ort.InferenceSession(path).run(None, {"image": image.numpy()})[0]
    with torch.no_grad():
        assert torch.allclose(back(image), network(image), atol=1e-5)
        assert np.abs(back(image).numpy() - served).max() < 1e-5
        assert (back(image) - taught(image)).abs().max() < 0.05


def test_bytes_make_the_file_smaller_and_are_folded_when_it_is_loaded(taught: nn.Module, tmp_path: Path) -> None:
    sizes = []
    for bytewise in (False, True):
        path = tmp_path / f"{bytewise}.onnx"
        written(taught, path, bytewise=bytewise)
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.65 * sizes[0]
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    ort.InferenceSession(path, options)
    kept = {node.op_type for node in onnx.load(tmp_path / "loaded.onnx").graph.node}
    assert not kept & {"Cast", "Mul", "DequantizeLinear"}


def test_rounding_twice_changes_nothing_more(taught: nn.Module) -> None:
    once = settled(taught)
    round_to_bytes(once)
    twice = settled(taught)
    round_to_bytes(twice)
    round_to_bytes(twice)
    assert torch.allclose(once.second.weight, twice.second.weight, atol=1e-7)


def test_stored_names_are_the_networks_own(taught: nn.Module, tmp_path: Path) -> None:
    written(taught, tmp_path / "small.onnx", bytewise=True)
    names = stored_weights(tmp_path / "small.onnx", prefix="network.")
    assert {"first.weight", "second.weight", "head.weight", "head.bias"} <= names.keys()


def test_a_graph_of_another_network_is_refused_with_the_weight_it_lacks(taught: nn.Module, tmp_path: Path) -> None:
    written(taught, tmp_path / "small.onnx", bytewise=False)
    with pytest.raises(ValueError, match=r"small.onnx does not hold the weight"):
        load_from_graph(Small(width=48), tmp_path / "small.onnx", prefix="network.")
    with pytest.raises(ValueError, match=r"does not hold the weight"):
        load_from_graph(Small(), tmp_path / "small.onnx", prefix="other.")
