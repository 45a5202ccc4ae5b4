"""From torch to the two ONNX graphs that serving runs: a patch to tokens, and a bag of tokens to answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.engine import session_options
from models.runtime import ort
from models.spec import Pixels
from models.training.isight.fit import load_canvases, patches_of, validation_cases
from models.training.isight.gate import belonging
from models.training.protocol.graphs import load_network, save_state, settled, sha256_of, write_graph
from models.training.protocol.plan import Plan, write_json
from models.training.protocol.tissue_gate import fit_tissue_gate
from models.zoo._isight.bag import SIDE
from models.zoo._isight.read import DOMAIN
from models.zoo._isight.words import CELLS, QUESTIONS
from models.zoo.isight import build

ANSWERS = tuple(one.key for one in QUESTIONS)
OUTPUTS = (*ANSWERS, "attention", "evidence")
PARITY_BAGS = 12


class Encoder(nn.Module):
    """Patches as bytes (n, 336, 336, 3) to projected tokens."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, patches: Tensor) -> Tensor:
        tokens: Tensor = self.network.encode(patches)
        return tokens


class Reader(nn.Module):
    """One bag's tokens and a cell type to probabilities, attention and evidence."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
        read: tuple[Tensor, ...] = self.network.read(tokens, cell)
        return read


def write_graphs(network: Any, encode: Path, predict: Path) -> None:
    """Both graphs of a settled network; the number of patches in a bag is free."""
    patches = torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8)
    with torch.no_grad():
        tokens = network.encode(patches)
    network.requires_grad_(False)
    write_graph(Encoder(network), (patches,), encode, ["patches"], ["tokens"], {"patches": {0: "patches"}})
    inside = (tokens, torch.zeros(1, len(CELLS)))
    write_graph(Reader(network), inside, predict, ["tokens", "cell"], OUTPUTS, {"tokens": {0: "patches"}})


def write_files(network: Any, folder: Path, stem: str) -> dict[str, Path]:
    """Writes the graphs and the torch weights `<stem>.pt`; files by name."""
    network = settled(network.to(memory_format=torch.contiguous_format))
    files = {
        "predict": folder / f"{stem}.onnx", "encode": folder / f"{stem}.encode.onnx", "torch": folder / f"{stem}.pt",
    }
    save_state(network, files["torch"])
    write_graphs(network, files["encode"], files["predict"])
    return files


def parity(
    network: Any, files: Mapping[str, Path], bags: Sequence[Pixels], *, cell: int | None = None
) -> dict[str, float]:
    """Largest differences between torch and ONNX Runtime by output, over bags (n, 336, 336, 3) of patches.

    Where an output exceeds 1, its difference is a share of its largest value.
    """
    encode, predict = (
        ort.InferenceSession(files[name], session_options(1), providers=["CPUExecutionProvider"])
        for name in ("encode", "predict")
    )
    kind = np.zeros((1, len(CELLS)), np.float32)
    if cell is not None:
        kind[0, cell] = 1
    worst = dict.fromkeys(("tokens", *OUTPUTS), 0.0)
    for bag in bags:
        (tokens,) = encode.run(None, {"patches": bag})
        found = predict.run(list(OUTPUTS), {"tokens": tokens, "cell": kind})
        with torch.no_grad():
            true = network.encode(torch.from_numpy(bag))
            expected = network.read(true, torch.from_numpy(kind))
        for name, one, said in zip(worst, (true, *expected), (tokens, *found), strict=True):
            # Answers lie in [0, 1]; tokens have no scale of their own.
            scale = max(1.0, float(np.abs(said).max()))
            worst[name] = max(worst[name], float(np.abs(one.numpy() - said).max()) / scale)
    return worst


def export(plan: Plan) -> None:
    """Graphs and gate to the plan's weights; parity with torch, hashes and the gate's worth to `export.json`."""
    canvases = load_canvases(plan)
    files = write_files(load_network(build(), plan.out / "network.pt"), plan.weights, plan.stem)
    cases = validation_cases(plan, canvases)
    bags = [patches_of(case.pixels) for case in cases[:: max(1, len(cases) // PARITY_BAGS)]]
    worst = parity(load_network(build(), files["torch"]), files, bags)
    worth = fit_tissue_gate(plan, belonging(plan, canvases), DOMAIN)
    files["gate"] = plan.weights / f"{plan.stem}.gate.npz"
    record = {"parity": worst, **worth, "sha256": {name: sha256_of(path) for name, path in files.items()}}
    write_json(record, plan.out / "export.json")
    print(json.dumps(record, indent=1))
