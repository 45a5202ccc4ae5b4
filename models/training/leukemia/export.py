"""From torch to the two ONNX graphs that serving runs, reading and Grad-CAM, and the gate fitted on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.catalogue import Catalogue
from models.runtime import ort
from models.training.leukemia.data import Parts, load_parts
from models.training.leukemia.explain import Reader, grad_cam, traced_grad_cam
from models.training.leukemia.gate import FAMILIES, QUALITY, gather_inside, gather_outside
from models.training.leukemia.served import Served
from models.training.protocol.gatefit import accepted, fit_gate, leave_one_out, save
from models.training.protocol.graphs import load_network, save_state, settled, sha256_of, write_graph
from models.training.protocol.outliers import real_sources
from models.training.protocol.plan import Plan, write_json
from models.zoo._smear import DOMAIN, SIDE

PARITY_IMAGES = 60


def write_graphs(
    network: Any, folder: Path, stem: str, side: int = SIDE, eye: Any | None = None
) -> dict[str, Path]:
    """Writes `<stem>.onnx`, `<stem>.gradcam.onnx` and the torch weights `<stem>.pt`; files by name.

    `eye`: the network whose embedding the gate judges, where it is another one.
    """
    reader = settled(Reader(network, eye))
    network = reader.network
    predict, explain, state = (folder / f"{stem}{end}" for end in (".onnx", ".gradcam.onnx", ".pt"))
    save_state(network, state)
    image = torch.zeros(1, 3, side, side)
    write_graph(reader, (image,), predict, ["image"], ["probabilities", "features", "embedding"])
    features = torch.zeros_like(network.describe(image)[0])
    inputs = (features, torch.eye(4)[:1])
    write_graph(traced_grad_cam(network.head, features), inputs, explain, ["features", "chosen"], ["heatmap"])
    return {"predict": predict, "explain": explain, "torch": state}


def parity(network: Any, predict: Path, explain: Path, images: NDArray[np.float32]) -> dict[str, float]:
    """Largest differences between torch and ONNX Runtime over images (n, 3, side, side) in [-1, 1]."""
    sessions = [ort.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (predict, explain)]
    worst = {"probabilities": 0.0, "heatmap": 0.0}
    for image in images:
        features = network.describe(torch.from_numpy(image[None]))[0].detach().requires_grad_()
        logits = network.head(features) / network.temperature
        chosen = F.one_hot(logits.argmax(1), 4).float()
        shown = grad_cam(network.head, features, chosen).detach().numpy()
        answer = sessions[0].run(["probabilities", "features"], {"image": image[None]})
        heat = sessions[1].run(["heatmap"], {"features": answer[1], "chosen": chosen.numpy()})[0]
        expected = torch.softmax(logits, 1).detach().numpy()
        worst["probabilities"] = max(worst["probabilities"], float(np.abs(expected - answer[0]).max()))
        worst["heatmap"] = max(worst["heatmap"], float(np.abs(shown - heat).max()))
    return worst


def export(plan: Plan) -> None:
    """Graphs and gate to the plan's weights; parity with torch, hashes and the gate's worth to `export.json`."""
    record = export_files(plan, SIDE)
    print(json.dumps(record, indent=1))


def export_files(plan: Plan, side: int) -> dict[str, Any]:
    """As `export`, for a network that was taught at `side` pixels; gives the record."""
    parts = load_parts(plan)
    build = Catalogue()[plan.key].build
    files = write_graphs(load_network(build(), plan.out / "network.pt"), plan.weights, plan.stem, side)
    network = load_network(build(), files["torch"])
    torch.manual_seed(plan.seed)
    served = Served(files["predict"])
    some = parts["validation"].fields[:: max(1, len(parts["validation"].fields) // PARITY_IMAGES)]
    images = np.concatenate([served.input_of(field) for field in some])
    worst = parity(network, files["predict"], files["explain"], images)
    files["gate"] = plan.weights / f"{plan.stem}.gate.npz"
    worth = _fit_gate(plan, parts, served, files["gate"])
    record = {"parity": worst, **worth, "sha256": {name: sha256_of(path) for name, path in files.items()}}
    write_json(record, plan.out / "export.json")
    return record


def _fit_gate(plan: Plan, parts: Parts, served: Served, path: Path) -> dict[str, dict[str, float]]:
    """Writes the gate; gives the refused share per source, held out and by kinds never seen."""
    inside = gather_inside(served, parts["train"].fields, parts["validation"].fields)
    outside = gather_outside(served, parts, real_sources(plan.data, FAMILIES), plan.seed)
    kinds = len(DOMAIN.kinds)
    parameters = fit_gate(inside, outside, QUALITY, kinds, plan.seed)
    # Serving asks the gate which size the network was taught at, for a graph cannot say it.
    save(parameters | ({} if served.side == SIDE else {"input_side": np.asarray(served.side)}), path)
    return {
        "held_out": {one.name: float(1 - accepted(parameters, one.test).mean()) for one in outside},
        "leave_one_out": {} if plan.quick else leave_one_out(inside, outside, QUALITY, kinds, plan.seed),
    }
