"""The network alone: the same graph, batch and threads as the portal's, on random input that is there already."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from models.engine import session_options
from models.runtime import ort


class Bare:
    """One session, called from several threads as the engine calls it."""

    def __init__(self, graph: Path, batch: int, threads: int, seed: int) -> None:
        self._session = ort.InferenceSession(str(graph), session_options(1), providers=["CPUExecutionProvider"])
        self._input = np.random.default_rng(seed).random((batch, 3, 96, 96), dtype=np.float32)
        self._threads = threads

    def rate(self, seconds: float) -> float:
        """Images per second."""
        began = time.perf_counter()
        with ThreadPoolExecutor(self._threads) as pool:
            counts = list(pool.map(lambda _thread: self._run_until(began + seconds), range(self._threads)))
        return sum(counts) / (time.perf_counter() - began)

    def _run_until(self, end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            self._session.run(None, {"image": self._input})
            count += len(self._input)
        return count
