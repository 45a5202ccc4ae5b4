"""Resident memory of the portal's parts, looked at every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.memory import tree

PROC = Path("/proc")
EVERY_SECONDS = 3.0
WEB, DECODERS, WORKER = "web", "decoders", "worker"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Megabytes (1,000,000 bytes) of each part, and how many uploads were answered by then."""

    seconds: float
    uploads: int
    mb: dict[str, float]


@dataclass
class Watch:
    """Samples from a thread of its own, from `start` to `stop`."""

    web: int
    worker: int
    answered: Callable[[], int]
    samples: list[Sample] = field(default_factory=list)

    def start(self) -> None:
        self._over = threading.Event()
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self.samples.append(Sample(seconds=round(time.monotonic() - self._begun, 1), uploads=self.answered(),
                                       mb=look(self.web, self.worker)))


def look(web: int, worker: int) -> dict[str, float]:
    """The decoders are those of the web process."""
    found = {WEB: 0.0, DECODERS: 0.0, WORKER: sum(_resident(one) for one in tree(worker))}
    for one in tree(web):
        found[DECODERS if _is_decoder(one) else WEB] += _resident(one)
    return {part: round(mb, 2) for part, mb in found.items()}


def _is_decoder(pid: int) -> bool:
    try:
        return b"models.sandbox.inside" in (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def _resident(pid: int) -> float:
    try:
        lines = (PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1.024e-3
