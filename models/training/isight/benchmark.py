"""Speed and size of the served files: a core of one patch, and a whole field."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.engine import session_options
from models.runtime import ort
from models.spec import Micrograph
from models.training.isight.cases import make_cases
from models.training.isight.export import OUTPUTS
from models.training.isight.tissue import list_sources, load_canvas
from models.training.protocol.graphs import load_network
from models.training.protocol.plan import Plan, write_json
from models.training.protocol.speed import median_ms
from models.zoo import isight
from models.zoo._isight.bag import MOST, SIDE
from models.zoo._isight.words import CELLS

FIELD = 3000
"""Pixels of a whole core's side as the Human Protein Atlas scans it."""


def runner(plan: Plan) -> Callable[[str, Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]:
    """`run` for `zoo/isight.read` from the plan's files, whatever their hashes."""
    opened: dict[str, Any] = {}
    for name, file in isight.SPEC.graphs.items():
        path = plan.weights / file.name
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                opened[name] = {key: archive[key] for key in archive.files}
        else:
            opened[name] = ort.InferenceSession(path, session_options(1), providers=["CPUExecutionProvider"])

    def run(graph: str, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        held = opened[graph]
        if isinstance(held, dict):
            return held
        names = [output.name for output in held.get_outputs()]
        return dict(zip(names, held.run(names, dict(inputs)), strict=True))

    return run


def benchmark(plan: Plan) -> None:
    """Medians in milliseconds with one thread, parameters and file sizes, to `benchmark.json`."""
    torch.set_num_threads(1)
    run = runner(plan)
    files = [plan.weights / file.name for name, file in isight.SPEC.graphs.items() if name != "eye"]
    network = load_network(Catalogue()["isight"].build(), plan.weights / f"{plan.stem}.pt")
    case = next(iter(make_cases([load_canvas(list_sources(plan.data)[0])], 1, plan.seed)))
    core = case.pixels[:SIDE, :SIDE]
    tiled = np.tile(core, (-(-FIELD // len(core)), -(-FIELD // len(core)), 1))[:FIELD, :FIELD]
    patch, cell = np.array(core)[None], np.zeros((1, len(CELLS)), np.float32)
    tokens = run("encode", {"patches": patch})["tokens"]
    full = np.repeat(tokens, MOST, axis=0)
    with torch.no_grad():
        whole = torch.from_numpy(patch), [1], torch.from_numpy(cell)
        torch_ms = median_ms(lambda: network(*whole))
    record = {
        "machine": f"{os.cpu_count()} processor cores",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_mb": round(sum(path.stat().st_size for path in files) / 1e6, 2),
        "onnx_encode_ms": median_ms(lambda: run("encode", {"patches": patch})),
        "onnx_bag_of_100_ms": median_ms(lambda: run("predict", {"tokens": full, "cell": cell}), 10),
        "torch_predict_ms": torch_ms,
        "read_core_ms": median_ms(lambda: isight.read(Micrograph(pixels=core), run)),
        "read_3000_ms": median_ms(lambda: isight.read(Micrograph(pixels=tiled), run), 3),
        "outputs": list(OUTPUTS),
    }
    write_json(record, plan.out / "benchmark.json")
    print(json.dumps(record, indent=1))
