"""Runs one server for one round: its start, its load at each number of clients, its memory, and junk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving import memory
from benchmarks.serving.client import Connection, Upload
from benchmarks.serving.process import Server, free_port
from benchmarks.serving.stacks import Sent, Session, Stack
from benchmarks.serving.uploads import Smears

WARM_UP = 5
SETTLE_SECONDS = 0.5
JUNK_REPEATS = {"text": 5, "bomb": 3}


@dataclass(frozen=True, kw_only=True)
class Load:
    """Some requests by some clients."""

    clients: int
    ms: tuple[float, ...]
    seconds: float
    wrong: int
    """Answers other than a scored image."""


@dataclass(frozen=True, kw_only=True)
class Junk:
    """What a server made of a file that is no smear, and by how much its memory grew meanwhile."""

    kind: str
    status: int
    outcome: str
    ms: tuple[float, ...]
    growth_mb: float


@dataclass(kw_only=True)
class Round:
    """One start of one server and everything measured of it."""

    start_seconds: float
    loads: list[Load] = field(default_factory=list)
    idle_mb: float = 0.0
    memory_mb: float = 0.0
    resident_mb: float = 0.0
    peak_mb: float = 0.0
    junk: list[Junk] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure in a round."""

    smears: Smears
    requests: int
    clients: tuple[int, ...]
    junk: dict[str, Upload]
    logs: Path


def measure(stack: Stack, plan: Plan) -> Round:
    """Start the server, measure, stop it."""
    port = free_port()
    with Server(stack.command(port), port, plan.logs / f"{stack.key}.log") as server:
        result = Round(start_seconds=server.start_seconds)
        result.idle_mb = memory.shared_fairly(server.pid)
        session = stack.open(server)
        _load(server, session, plan.smears.take(WARM_UP), 1)
        for clients in plan.clients:
            time.sleep(SETTLE_SECONDS)
            result.loads.append(_load(server, session, plan.smears.take(plan.requests), clients))
        result.memory_mb = memory.shared_fairly(server.pid)
        result.resident_mb = memory.resident(server.pid)
        result.peak_mb = memory.peak(server.pid)
        for kind, upload in plan.junk.items():
            result.junk.append(_junk(server, session, kind, upload))
        return result


def _load(server: Server, session: Session, uploads: list[Upload], clients: int) -> Load:
    bodies = [session.body(upload) for upload in uploads]
    shares = [bodies[number::clients] for number in range(clients)]
    sent: list[Sent] = []
    seconds = _together([_client(server, session, share, sent) for share in shares])
    if len(sent) != len(bodies):
        raise RuntimeError(f"{len(bodies) - len(sent)} of {len(bodies)} requests got no answer.")
    return Load(clients=clients, ms=tuple(one.ms for one in sent), seconds=seconds,
                wrong=sum(one.outcome != "scored" for one in sent))


def _client(server: Server, session: Session, bodies: list[bytes], sent: list[Sent]) -> Callable[[], None]:
    """One client: a connection of its own, one request after the other."""
    def send_all() -> None:
        connection = Connection(server.port)
        for body in bodies:
            sent.append(session.send(connection, body))
        connection.close()

    return send_all


def _together(jobs: list[Callable[[], None]]) -> float:
    """Run all at once and return the seconds until the last is done."""
    threads = [threading.Thread(target=job) for job in jobs]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _junk(server: Server, session: Session, kind: str, upload: Upload) -> Junk:
    """The server has served long before this, so what its memory grows by is this file's doing."""
    body, connection = session.body(upload), Connection(server.port)
    memory.forget_peak(server.pid)
    before = memory.peak(server.pid)
    sent = [session.send(connection, body) for _ in range(JUNK_REPEATS[kind])]
    growth = memory.peak(server.pid) - before
    connection.close()
    return Junk(kind=kind, status=sent[0].status, outcome=sent[0].outcome, ms=tuple(one.ms for one in sent),
                growth_mb=growth)
