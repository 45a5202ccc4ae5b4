"""Speed and size of one system: torch as trained against ONNX Runtime as served."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from models.catalogue import Entry
from models.engine import session_options
from models.training.export import FEATURES, SHAPE, load_network

REPEATS = 60


def _median_ms(call: Callable[[], Any]) -> float:
    for _ in range(5):
        call()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return round(float(np.median(times)) * 1000, 2)


def benchmark(entry: Entry, weights: Path) -> dict[str, Any]:
    """Medians in milliseconds with one thread, parameters, and the size of the served files."""
    torch.set_num_threads(1)
    files = {name: weights / file.name for name, file in entry.spec.graphs.items()}
    network = load_network(entry.build, files["predict"].with_suffix(".pt"))
    image = np.zeros(SHAPE, dtype=np.float32)
    inside = {"features": np.zeros(FEATURES, dtype=np.float32), "chosen": np.eye(4, dtype=np.float32)[:1]}
    predict, explain = (ort.InferenceSession(files[name], session_options(1)) for name in ("predict", "explain"))
    with torch.no_grad():
        torch_ms = _median_ms(lambda: network(torch.from_numpy(image)))
    return {
        "machine": f"{os.cpu_count()} processor cores",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_mb": round(sum(path.stat().st_size for path in files.values()) / 1e6, 2),
        "onnx_predict_ms": _median_ms(lambda: predict.run(None, {"image": image})),
        "onnx_explain_ms": _median_ms(lambda: explain.run(None, inside)),
        "torch_predict_ms": torch_ms,
    }
