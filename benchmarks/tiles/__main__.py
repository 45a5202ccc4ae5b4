"""How fast a kept slide's tiles come over HTTP, in a session that is logged in: `python -m benchmarks.tiles`.

Makes a portal of its own, one made-up slide, and a reader; asks for tiles in random order, once to warm up and then
measured, with as many clients at once as asked for. Writes `tiles.md`.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from benchmarks.serving import machine
from benchmarks.serving.process import free_port
from config import ROOT
from portal.app import create_app
from portal.extensions import db
from tests.conftest import PASSWORD, make_settings
from tests.support import databases
from tests.support.client import Client
from tests.support.served import EMAIL, add_user
from tests.support.slides import kept_slide
from tests.support.visitor import Visitor
from tests.web.test_cases import open_case

TARGET_MS, START_SECONDS = 40.0, 30.0
SEED = 1


def main() -> None:
    """Measures, writes `tiles.md` and prints it."""
    said = argparse.ArgumentParser(prog="python -m benchmarks.tiles", description=__doc__)
    said.add_argument("--side", type=int, default=6_000)
    said.add_argument("--tiles", type=int, default=300)
    said.add_argument("--clients", type=int, default=4)
    asked = said.parse_args()
    facts, port = machine.facts(Path(sys.executable)), free_port()
    with tempfile.TemporaryDirectory() as name:
        _prepare(Path(name), asked.side)
        environment = {**os.environ, "PORTAL_INSTANCE": name, "PORT": str(port), "SECRET_KEY": "k" * 40}
        server = subprocess.Popen([sys.executable, "-m", "gunicorn", "wsgi:app"], cwd=ROOT, env=environment,
                                  stderr=subprocess.DEVNULL)
        try:
            rows = [_row(clients, taken) for clients, taken in _measure(port, asked)]
        finally:
            server.terminate()
            server.wait()
    text = _markdown(rows, asked, facts)
    (ROOT / "benchmarks/results/tiles.md").write_text(text, encoding="utf-8")
    print(text)


def _prepare(folder: Path, side: int) -> None:
    """A database with a reader, a case and a slide."""
    app = create_app(make_settings(folder, f"sqlite:///{folder / 'secondread.sqlite3'}"))
    databases.migrate(app)
    add_user(app)
    reader = Client(app)
    reader.post("/login", {"email": EMAIL, "password": PASSWORD})
    kept_slide(app, open_case(reader), width=side, height=side)
    with app.app_context():
        db.engine.dispose()


def _measure(port: int, asked: argparse.Namespace) -> list[tuple[int, list[float]]]:
    """Milliseconds of every tile, the quickest first, by one client and by several."""
    reader = _logged_in(port)
    levels = re.search(r'data-levels="(\d+)"', reader.ask("GET", "/images/1/slide")[1])
    if levels is None:
        raise SystemExit("the slide's page does not say how many levels it has")
    top, across = int(levels.group(1)) - 1, -(-asked.side // 512)
    places = np.random.default_rng(SEED).integers(0, across, (asked.tiles, 2))
    paths = [f"/images/1/tiles/{top}/{column}_{row}.jpg" for column, row in places]
    _ask(port, reader.cookie, paths)
    found = []
    for clients in (1, asked.clients):
        shares = [paths[number::clients] for number in range(clients)]
        with ThreadPoolExecutor(clients) as pool:
            parts = pool.map(lambda some: _ask(port, reader.cookie, some), shares)
            found.append((clients, sorted(ms for part in parts for ms in part)))
    return found


def _logged_in(port: int) -> Visitor:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            reader = Visitor(port)
            reader.log_in()
        except OSError:
            time.sleep(0.2)
        else:
            return reader
    raise SystemExit("the portal did not start")


def _ask(port: int, cookie: str, paths: list[str]) -> list[float]:
    """Milliseconds of each, one after the other on one connection."""
    line, taken = HTTPConnection("127.0.0.1", port), []
    for path in paths:
        started = time.perf_counter()
        line.request("GET", path, headers={"Cookie": cookie})
        answer = line.getresponse()
        answer.read()
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
    return taken


def _row(clients: int, taken: list[float]) -> str:
    late = taken[int(0.95 * len(taken))]
    held = "held" if late < TARGET_MS else "**not held**"
    return f"| {clients} | {len(taken)} | {statistics.median(taken):.1f} | {late:.1f} | {taken[-1]:.1f} | {held} |"


def _markdown(rows: list[str], asked: argparse.Namespace, on: dict[str, object]) -> str:
    return "\n".join([
        "# How fast a viewer's tiles come", "",
        f"Tiles of 512 pixels of a kept slide of {asked.side:,} pixels a side, over HTTP, behind a login, in random",
        "order, after each was asked for once.", "",
        f"| clients at once | tiles | median, ms | 95th percentile, ms | slowest, ms | aim: under {TARGET_MS:g} ms |",
        "|---|---|---|---|---|---|", *rows, "",
        f"`python -m benchmarks.tiles --side {asked.side} --tiles {asked.tiles} --clients {asked.clients}`",
        f"(seed {SEED}) on {on['cpu']}, {on['cores']} cores; {on['date']}; load before: {on['load_before']}.", ""])


if __name__ == "__main__":
    main()
