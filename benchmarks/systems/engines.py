"""`python -m benchmarks.systems.engines GRAPH SHAPES REPEATS THREADS ENGINE`: times one graph in one engine.

Prints JSON: load and median milliseconds, memory, and a digest of the outputs to compare the engines by.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.memory import resident

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays], list[NDArray[Any]]]


def main() -> None:
    """Times one engine on one graph with the same random inputs every time."""
    path, repeats, threads, name = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    inputs = {key: _random(shape, kind) for key, (shape, kind) in _signature(path).items()}
    before, began = resident(os.getpid()), time.perf_counter()
    run = ENGINES[name](path, threads)
    loaded = time.perf_counter() - began
    outputs = run(inputs)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run(inputs)
        times.append(time.perf_counter() - began)
    print(json.dumps({
        "load_ms": loaded * 1e3, "median_ms": float(np.median(times)) * 1e3,
        "mb": resident(os.getpid()) - before,
        "outputs": [np.ravel(one)[:2000].astype(float).tolist() for one in outputs],
    }))


def _signature(path: Path) -> dict[str, tuple[list[int], str]]:
    """Inputs with their shapes; an axis without a number counts one."""
    from models.runtime import ort

    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return {one.name: ([size if isinstance(size, int) else 1 for size in one.shape], one.type)
            for one in session.get_inputs()}


def _random(shape: list[int], kind: str) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    if "int" in kind:
        return rng.integers(0, 256, shape).astype(kind.removeprefix("tensor(").removesuffix(")"))
    return rng.uniform(-1, 1, shape).astype(np.float32)


def _onnxruntime(path: Path, threads: int) -> Run:
    from models.engine import session_options
    from models.runtime import ort

    session = ort.InferenceSession(path, session_options(threads), providers=["CPUExecutionProvider"])
    return lambda inputs: list(session.run(None, dict(inputs)))


def _openvino(path: Path, threads: int) -> Run:
    import openvino  # type: ignore[import-not-found]

    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    return lambda inputs: [np.asarray(one) for one in compiled(dict(inputs)).values()]


ENGINES: dict[str, Callable[[Path, int], Run]] = {"onnxruntime": _onnxruntime, "openvino": _openvino}


if __name__ == "__main__":
    main()
