"""From torch to the one graph that serving runs, which also keeps the weights, and the gate beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from models.training.pancreas.data import middle
from models.training.pancreas.fit import parts_of
from models.training.pancreas.gate import fit_gate
from models.training.pancreas.served import OUTPUTS, Reader, parity, reload
from models.training.protocol.from_graph import round_to_bytes, store_bytes
from models.training.protocol.graphs import load_network, settled, sha256_of, write_graph
from models.training.protocol.plan import Plan, write_json
from models.zoo.pancreas import CROP, build

PARITY_IMAGES = 24


def write(network: Any, path: Path) -> None:
    """The graph of a fitted network, its convolutions rounded to 255 levels per channel and stored as such."""
    network = settled(network)
    round_to_bytes(network)
    write_graph(Reader(network), (torch.zeros(1, 3, CROP, CROP),), path, ["image"], OUTPUTS)
    store_bytes(network, path, prefix="network.")


def export(plan: Plan) -> None:
    """Graph and gate to the plan's weights; parity with torch, hashes and the gate's worth to `export.json`."""
    path = plan.weights / f"{plan.stem}.onnx"
    fitted = load_network(build(), plan.out / "network.pt")
    write(fitted, path)
    parts = parts_of(plan)
    some = list(middle(parts["validation"].fields[:PARITY_IMAGES]))
    torch.manual_seed(plan.seed)
    files = {"predict": path, "gate": plan.weights / f"{plan.stem}.gate.npz"}
    record = {
        "parity": parity(reload(path), path, some),
        "rounding": parity(fitted, path, some),
        **fit_gate(plan, parts),
        "sha256": {},
    }
    record["sha256"] = {name: sha256_of(file) for name, file in files.items()}
    write_json(record, plan.out / "export.json")
    print(json.dumps(record, indent=1))
