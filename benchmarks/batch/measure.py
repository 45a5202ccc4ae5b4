"""Sends the batch to a running portal and reads its memory between every few files."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.batch import tiffs
from benchmarks.serving import memory
from benchmarks.serving.client import Connection
from benchmarks.serving.portal_stack import Portal
from benchmarks.serving.process import Server, free_port

SETTLE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Step:
    """After `sent` files: what all processes hold, and the highest that they held since the step before."""

    sent: int
    resident_mb: float
    peak_mb: float
    median_ms: float
    outcomes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many files of what to send, and after how many to look."""

    files: list[Path]
    count: int
    every: int
    log: Path


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The whole run: memory before the first file, then step by step."""

    idle_mb: float
    file_mb: float
    seconds: float
    steps: tuple[Step, ...]


def measure(portal: Portal, plan: Plan, tell: Callable[[str], None]) -> Batch:
    """Start the server as run.sh does, send one file after the other as a browser does, stop it."""
    port = free_port()
    with Server(portal.command(port), port, plan.log) as server:
        session, connection = portal.open(server), Connection(port)
        idle, started = memory.resident(server.pid), time.perf_counter()
        steps: list[Step] = []
        ms: list[float] = []
        outcomes: dict[str, int] = {}
        memory.forget_peak(server.pid)
        for number, upload in enumerate(tiffs.uploads(plan.files, plan.count), start=1):
            sent = session.send(connection, session.body(upload))
            ms.append(sent.ms)
            outcomes[sent.outcome] = outcomes.get(sent.outcome, 0) + 1
            if number % plan.every and number != plan.count:
                continue
            time.sleep(SETTLE_SECONDS)
            steps.append(Step(sent=number, resident_mb=memory.resident(server.pid), peak_mb=memory.peak(server.pid),
                              median_ms=median(ms), outcomes=outcomes))
            tell(f"{number} of {plan.count}: {steps[-1].resident_mb:.0f} MB, peak {steps[-1].peak_mb:.0f} MB")
            memory.forget_peak(server.pid)
            ms, outcomes = [], {}
        connection.close()
        return Batch(idle_mb=idle, file_mb=plan.files[0].stat().st_size / 1e6,
                     seconds=time.perf_counter() - started, steps=tuple(steps))
