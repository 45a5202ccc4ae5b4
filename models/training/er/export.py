"""From torch to the two ONNX graphs that serving runs, and the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.training.er.batches import as_batch, validation_pieces
from models.training.er.gate import belonging, widened
from models.training.er.patches import squares_of
from models.training.er.served import Served
from models.training.protocol.gatefit import save
from models.training.protocol.graphs import load_network, save_state, settled, sha256_of, write_graph
from models.training.protocol.plan import Plan, write_json
from models.training.protocol.tissue_gate import fit_tissue_gate
from models.zoo._er.network import build_network
from models.zoo._er.regions import PATCH
from models.zoo._er.tiles import SIDE
from models.zoo.er import DOMAIN


class Answering(nn.Module):
    """Probabilities over the classes (axis 1) instead of logits."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.network(image), dim=1)


def write_graphs(network: Any, folder: Path, stem: str) -> dict[str, Path]:
    """Writes `<stem>.onnx`, `<stem>.grade.onnx` and the torch weights `<stem>.pt`; files by name."""
    network = settled(network).to(memory_format=torch.contiguous_format)
    predict, grade, state = (folder / f"{stem}{end}" for end in (".onnx", ".grade.onnx", ".pt"))
    save_state(network, state)
    any_number = {0: "n"}
    image, patch = torch.zeros(2, 3, SIDE, SIDE), torch.zeros(2, 3, PATCH, PATCH)
    write_graph(
        Answering(network.segmenter), (image,), predict, ["image"], ["probabilities"], {"image": any_number}
    )
    write_graph(Answering(network.grader), (patch,), grade, ["patch"], ["probabilities"], {"patch": any_number})
    return {"predict": predict, "grade": grade, "torch": state}


@torch.no_grad()
def parity(network: Any, served: Served, images: NDArray[np.uint8], patches: NDArray[np.uint8]) -> dict[str, float]:
    """Largest differences between torch and ONNX Runtime over images (n, 256, 256, 3) and patches (n, 64, 64, 3)."""
    worst = {}
    for name, module, run, pixels in (
        ("probabilities", network.segmenter, served.predict, images),
        ("grade", network.grader, served.grade, patches),
    ):
        batch = as_batch(pixels).contiguous()
        expected = torch.softmax(module(batch), dim=1).numpy()
        worst[name] = float(np.abs(expected - run(batch.numpy())).max())
    return worst


def export(plan: Plan) -> None:
    """Graphs and gate to the plan's weights; parity with torch, hashes and the gate's worth to `export.json`."""
    files = write_graphs(load_network(build_network(), plan.out / "network.pt"), plan.weights, plan.stem)
    network = load_network(build_network(), files["torch"])
    pieces = validation_pieces(plan.data, 1 if plan.quick else 2)
    patches = [patch for piece in pieces for patch, _ in squares_of(piece)]
    served = Served(plan.weights, plan.stem)
    worst = parity(network, served, np.stack([piece.pixels for piece in pieces]), np.stack(patches))
    worth = fit_tissue_gate(plan, belonging(plan), DOMAIN)
    files["gate"] = plan.weights / f"{plan.stem}.gate.npz"
    with np.load(files["gate"], allow_pickle=False) as archive:
        fitted = dict(archive)
    save(widened(fitted), files["gate"])
    record = {"parity": worst, **worth, "sha256": {name: sha256_of(path) for name, path in files.items()}}
    write_json(record, plan.out / "export.json")
    print(json.dumps(record, indent=1))
