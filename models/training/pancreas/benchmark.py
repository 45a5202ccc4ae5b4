"""Speed and size: torch as trained against ONNX Runtime as served, and the way from an image to the network."""

from __future__ import annotations

import json
import os

import numpy as np
import torch

from models.catalogue import Catalogue
from models.engine import session_options
from models.runtime import ort
from models.training.pancreas.drawn import Drawing, draw_pancreas
from models.training.pancreas.served import OUTPUTS, reload
from models.training.protocol.plan import Plan, write_json
from models.training.protocol.speed import median_ms
from models.zoo.pancreas import as_input, prepared


@torch.no_grad()
def benchmark(plan: Plan) -> None:
    """Medians in milliseconds with one thread, to `benchmark.json`."""
    torch.set_num_threads(1)
    spec = Catalogue()[plan.key].spec
    path = plan.weights / spec.graphs["predict"].name
    network = reload(path)
    session = ort.InferenceSession(path, session_options(1), providers=["CPUExecutionProvider"])
    large = draw_pancreas(Drawing(scores=(1, 1, 1, 1), seed=1, size=(1600, 1200)))
    image = as_input(prepared(large))
    found = {
        "machine": f"{os.cpu_count()} processor cores",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_mb": round(path.stat().st_size / 1e6, 2),
        "onnx_predict_ms": median_ms(lambda: session.run(list(OUTPUTS), {"image": image})),
        "torch_predict_ms": median_ms(lambda: network(torch.from_numpy(image))),
        "prepare_ms": median_ms(lambda: as_input(prepared(np.array(large)))),
    }
    write_json(found, plan.out / "benchmark.json")
    print(json.dumps(found, indent=1))
