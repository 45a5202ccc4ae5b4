"""From torch to the one ONNX graph that serving runs: probability and Grad-CAM of a batch of patches."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from models.runtime import ort
from models.training.pcam.data import load_parts
from models.training.pcam.fit import QUICK, as_batch
from models.training.pcam.gate import belonging
from models.training.protocol.graphs import load_network, save_state, settled, sha256_of, write_graph
from models.training.protocol.plan import Plan, write_json
from models.training.protocol.tissue_gate import fit_tissue_gate
from models.zoo._pcam.network import CHANNELS, SIDE
from models.zoo._pcam.rules import DOMAIN
from models.zoo.pcam import build

PARITY_PATCHES = 60
OUTPUTS = ("probability", "heatmap")


def grad_cam(head: Any, features: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (n,), and Grad-CAM (n, rows, columns) in [0, 1] of the tumour logit by the last block's features.

    Of the logit: the slope of its sigmoid would vanish wherever the network is sure.
    """
    logits = head(features)
    (slope,) = torch.autograd.grad(logits.sum(), features)
    weighted = (slope.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1).relu()
    return logits, weighted / weighted.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


class Reader(nn.Module):
    """What the graph computes: patches (n, 3, 96, 96) to tumour probabilities (n,) and heat maps (n, 12, 12)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.explained = traced(network.head)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, heat = self.explained(self.network.describe(image))
        return torch.sigmoid(logits / self.network.temperature), heat


def traced(head: Any) -> nn.Module:
    """`grad_cam` of a head as a graph without autograd, for any number of patches."""

    def compute(features: Tensor) -> tuple[Tensor, Tensor]:
        logits, heat = grad_cam(head, features.requires_grad_())
        return logits.detach(), heat.detach()

    head = copy.deepcopy(head).eval().requires_grad_(False)
    some = torch.randn(2, CHANNELS[-1], SIDE // 8, SIDE // 8)
    return make_fx(compute, tracing_mode="symbolic", _allow_non_fake_inputs=True)(some)


def write_files(network: Any, folder: Path, stem: str) -> dict[str, Path]:
    """Writes `<stem>.onnx` and the torch weights `<stem>.pt`; files by name."""
    network = settled(network)
    files = {"predict": folder / f"{stem}.onnx", "torch": folder / f"{stem}.pt"}
    save_state(network, files["torch"])
    patches = (torch.rand(2, 3, SIDE, SIDE),)
    write_graph(Reader(network), patches, files["predict"], ["image"], OUTPUTS, {"image": {0: "patches"}})
    return files


def parity(network: Any, predict: Path, images: NDArray[np.float32]) -> dict[str, float]:
    """Largest differences between torch and ONNX Runtime over patches (n, 3, 96, 96) in [0, 1], as one batch."""
    session = ort.InferenceSession(predict, providers=["CPUExecutionProvider"])
    found = session.run(list(OUTPUTS), {"image": images})
    features = network.describe(torch.from_numpy(images)).detach().requires_grad_()
    logits, heat = grad_cam(network.head, features)
    expected = torch.sigmoid(logits / network.temperature), heat
    return {
        name: float(np.abs(true.detach().numpy() - said).max())
        for name, true, said in zip(OUTPUTS, expected, found, strict=True)
    }


def export(plan: Plan) -> None:
    """Graph and gate to the plan's weights; parity with torch, hashes and the gate's worth to `export.json`."""
    parts = load_parts(plan, QUICK if plan.quick else None)
    files = write_files(load_network(build(), plan.out / "network.pt"), plan.weights, plan.stem)
    validation = parts["validation"].pixels
    some = validation[:: max(1, len(validation) // PARITY_PATCHES)]
    worst = parity(load_network(build(), files["torch"]), files["predict"], as_batch(some).contiguous().numpy())
    worth = fit_tissue_gate(plan, belonging(plan, parts), DOMAIN)
    files["gate"] = plan.weights / f"{plan.stem}.gate.npz"
    record = {"parity": worst, **worth, "sha256": {name: sha256_of(path) for name, path in files.items()}}
    write_json(record, plan.out / "export.json")
    print(json.dumps(record, indent=1))
