"""What `pancreas-N.onnx` computes, and the network read back from it: its weights are kept nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.runtime import ort
from models.scoring.pancreas import ITEMS
from models.spec import Pixels
from models.training.protocol.from_graph import load_from_graph
from models.zoo.pancreas import as_input, build

OUTPUTS = ("shares", "heatmaps")


class Reader(nn.Module):
    """Shares of the maxima in [0, 1] (n, 4), and where they come from (n, 5, 7, 7): the total, then each score.

    With a mean and one linear layer, weights × features is Grad-CAM itself and needs no gradient.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("maxima", torch.tensor([one.most for one in ITEMS]), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.describe(image)
        shares = self.network.head(features.mean(dim=(2, 3))).clamp(0, 1)
        places = torch.einsum("nchw,kc->nkhw", features, self.network.head.weight)
        summed = (places * self.maxima[:, None, None]).sum(dim=1, keepdim=True)
        heat = torch.cat((summed, places), dim=1).relu()
        return shares, heat / heat.amax(dim=(2, 3), keepdim=True).clamp(min=1e-12)


def reload(graph: Path) -> Any:
    """The torch network of an exported graph."""
    return load_from_graph(build(), graph, prefix="network.")


def shares_of(graph: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares (n, 4) that the exported graph gives of prepared fields (n, 224, 224, 3)."""
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["shares"], {"image": as_input(one)})[0] for one in images])


@torch.no_grad()
def parity(network: Any, graph: Path, fields: list[Pixels]) -> dict[str, float]:
    """Largest differences between torch and ONNX Runtime over prepared fields."""
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    worst = dict.fromkeys(OUTPUTS, 0.0)
    for field in fields:
        image = as_input(field)
        told = Reader(network).eval()(torch.from_numpy(image))
        served = session.run(list(OUTPUTS), {"image": image})
        for name, one, other in zip(OUTPUTS, told, served, strict=True):
            worst[name] = max(worst[name], float(np.abs(one.numpy() - other).max()))
    return worst
