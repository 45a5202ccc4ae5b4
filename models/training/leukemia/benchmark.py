"""Speed and size of one hybrid: torch as trained against ONNX Runtime as served."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from models.engine import session_options

REPEATS = 60


def median_ms(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median processor time of a call, after five that do not count: with one thread, what it takes undisturbed."""
    for _ in range(5):
        call()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return round(float(np.median(times)) * 1000, 2)


def cost(network: Any, files: Mapping[str, Path], repeats: int = REPEATS) -> dict[str, Any]:
    """Medians in milliseconds with one thread, parameters, and the size of the served files."""
    torch.set_num_threads(1)
    predict, explain = (ort.InferenceSession(files[name], session_options(1)) for name in ("predict", "explain"))
    image = np.zeros(predict.get_inputs()[0].shape, dtype=np.float32)
    inside = {
        "features": np.zeros(explain.get_inputs()[0].shape, dtype=np.float32),
        "chosen": np.eye(4, dtype=np.float32)[:1],
    }
    with torch.no_grad():
        torch_ms = median_ms(lambda: network(torch.from_numpy(image)), repeats)
    return {
        "machine": f"{os.cpu_count()} processor cores, in processor time",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_mb": round(sum(path.stat().st_size for path in files.values()) / 1e6, 2),
        "onnx_predict_ms": median_ms(lambda: predict.run(None, {"image": image}), repeats),
        "onnx_explain_ms": median_ms(lambda: explain.run(None, inside), repeats),
        "torch_predict_ms": torch_ms,
    }
