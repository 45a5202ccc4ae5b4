"""Speed and size: torch as trained against ONNX Runtime as served, one patch and tiles in batches."""

from __future__ import annotations

import json
import os

import numpy as np
import torch

from models.training.pcam.served import Served
from models.training.protocol.graphs import load_network
from models.training.protocol.plan import Plan, write_json
from models.training.protocol.speed import median_ms
from models.zoo._pcam.network import SIDE
from models.zoo._pcam.rules import BATCH
from models.zoo.pcam import SPEC, build


def benchmark(plan: Plan) -> None:
    """Medians in milliseconds with one thread, parameters and the size of the served files: `benchmark.json`."""
    torch.set_num_threads(1)
    served = Served(plan.weights)
    net = load_network(build(), (plan.weights / SPEC.graphs["predict"].name).with_suffix(".pt"))
    rng = np.random.default_rng(plan.seed)
    batch = rng.random((BATCH, 3, SIDE, SIDE), dtype=np.float32)
    with torch.no_grad():
        torch_ms = median_ms(lambda: net(torch.from_numpy(batch[:1])))
    files = [plan.weights / file.name for file in SPEC.graphs.values()]
    found = {
        "machine": f"{os.cpu_count()} processor cores",
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "file_mb": round(sum(path.stat().st_size for path in files) / 1e6, 2),
        "onnx_predict_ms": median_ms(lambda: served.run("predict", {"image": batch[:1]})),
        "tile_ms": round(median_ms(lambda: served.run("predict", {"image": batch}), 10) / BATCH, 2),
        "torch_predict_ms": torch_ms,
    }
    write_json(found, plan.out / "benchmark.json")
    print(json.dumps(found, indent=1))
