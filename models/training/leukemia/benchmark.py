"""Speed and size of one hybrid: torch as trained against ONNX Runtime as served."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.engine import session_options
from models.runtime import ort
from models.training.protocol.speed import median_ms

Timer = Callable[[Callable[[], Any]], float]


def cost(network: Any, files: Mapping[str, Path], timer: Timer = median_ms) -> dict[str, Any]:
    """Milliseconds by `timer` with one thread, parameters, and the size of the served files."""
    torch.set_num_threads(1)
    predict, explain = (ort.InferenceSession(files[name], session_options(1)) for name in ("predict", "explain"))
    image = np.zeros(predict.get_inputs()[0].shape, dtype=np.float32)
    inside = {
        "features": np.zeros(explain.get_inputs()[0].shape, dtype=np.float32),
        "chosen": np.eye(4, dtype=np.float32)[:1],
    }
    with torch.no_grad():
        torch_ms = timer(lambda: network(torch.from_numpy(image)))
    return {
        "machine": f"{os.cpu_count()} processor cores",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_mb": round(sum(path.stat().st_size for path in files.values()) / 1e6, 2),
        "onnx_predict_ms": timer(lambda: predict.run(None, {"image": image})),
        "onnx_explain_ms": timer(lambda: explain.run(None, inside)),
        "torch_predict_ms": torch_ms,
    }
