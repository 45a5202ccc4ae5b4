"""`python -m benchmarks.soak --uploads 10000`: in the tests' environment, with the requirements of benchmarks."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.serving import machine
from benchmarks.serving.client import Connection
from benchmarks.serving.memory import tree
from benchmarks.serving.process import ROOT
from benchmarks.soak.files import Sent, files
from benchmarks.soak.house import Session, served
from benchmarks.soak.memory import PROC, Watch, look
from benchmarks.soak.report import MOST_GROWTH, PARTS, Soak, write

CLIENTS = 4
SAY_EVERY = 30.0
SLOW = 5.0
"""Seconds after which an upload is named."""
RESULTS = ROOT / "benchmarks/results"


def main() -> None:
    options = _options()
    soak = Soak(machine=machine.facts(Path(sys.executable)), asked=options.uploads,
                command=f"python -m benchmarks.soak {shlex.join(sys.argv[1:])}".strip())
    with tempfile.TemporaryDirectory() as folder:
        _soak(soak, Path(folder), options)
    options.out.mkdir(parents=True, exist_ok=True)
    print(write(soak, options.out))
    held = [found is None or found[2] <= MOST_GROWTH for found in map(soak.growth, PARTS)]
    sys.exit(0 if all(held) and not soak.failures and not soak.left_over else 1)


def _soak(soak: Soak, folder: Path, options: argparse.Namespace) -> None:
    begun = time.monotonic()
    end = begun + options.minutes * 60
    with served(folder) as (server, worker, session):
        watch = Watch(server.pid, worker, lambda: soak.answered)
        watch.start()
        source, lock = files(options.uploads, options.seed), threading.Lock()
        clients = [threading.Thread(target=_send, args=(soak, session, server.port, source, lock, end))
                   for _ in range(CLIENTS)]
        for one in clients:
            one.start()
        while waiting := [one for one in clients if one.is_alive()]:
            waiting[0].join(SAY_EVERY)
            print(f"{soak.answered} answered, {soak.failures} failed, MB {look(server.pid, worker)}", flush=True)
        watch.stop()
        soak.seconds, soak.samples = time.monotonic() - begun, watch.samples
        began = {*tree(server.pid), *tree(worker)}
    soak.left_over = [f"process {one}" for one in began if (PROC / str(one)).exists()]
    soak.left_over += [str(one.relative_to(folder)) for one in (folder / "files").rglob("*.part")]


def _send(soak: Soak, session: Session, port: int, source: Iterator[Sent], lock: threading.Lock, end: float) -> None:
    connection = Connection(port)
    while time.monotonic() < end:
        with lock:
            sent = next(source, None)
        if sent is None:
            break
        asked = time.monotonic()
        try:
            status, word = session.put(connection, sent.name, sent.data)
        except OSError as problem:
            status, word = 599, f"no answer: {type(problem).__name__}"
            connection.close()
        took = time.monotonic() - asked
        if took > SLOW:
            print(f"{sent.name}, {sent.sort}, {len(sent.data)} bytes: {status} {word} after {took:.0f} s", flush=True)
        with lock:
            soak.outcomes[sent.sort, status, word] += 1
    connection.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--uploads", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=240, help="stop then, whatever is answered (default: 240)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
