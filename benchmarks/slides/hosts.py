"""Two workers on two hosts: network namespaces behind one bridge, where a Redis and a MariaDB answer.

Needs root, iproute2, redis-server, socat and a MariaDB on this machine; `why_not` says what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import create_engine, func, select, text

from benchmarks.serving.process import ROOT, SETTINGS, CommandFailed
from benchmarks.slides.portal import SECRET, add_slide, ask, open_portal
from portal.extensions import db
from portal.storage.tables.jobs import Job

BRIDGE, HERE = "srbench0", "10.231.77.1"
REDIS, MARIADB = 16399, 13399
NAME = f"secondread_slides_{os.getpid()}"
TOOLS = ("ip", "redis-server", "socat", "taskset")
WORK_SECONDS = 900


def why_not(server: str) -> str:
    """What keeps this machine from making two hosts; nothing when it can."""
    if os.geteuid():
        return "needs root for network namespaces"
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    if len(os.sched_getaffinity(0)) < 2:
        return "needs two cores"
    try:
        _sql(server, "SELECT 1")
    except Exception as problem:  # whatever the driver or the server says
        return f"needs a MariaDB: {type(problem).__name__}"
    return ""


def measure(slide: Path, side: int, um_per_px: float, slides: int, rounds: int, server: str) -> dict[str, Any]:
    """Seconds in which one worker, and two, read so many equal slides."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=slide.parent)))
        stack.enter_context(_network())
        stack.enter_context(running("redis-server", "--bind", HERE, "--port", str(REDIS), "--protected-mode", "no",
                                     "--save", "", "--dir", str(folder)))
        stack.enter_context(running("socat", f"TCP-LISTEN:{MARIADB},bind={HERE},fork,reuseaddr",
                                     f"TCP:{_address(server)}"))
        time.sleep(1)
        stack.enter_context(_database(server))
        settings = {"DATABASE_URL": f"mysql+pymysql://root@{HERE}:{MARIADB}/{NAME}", "SECRET_KEY": SECRET,
                    "PORTAL_BROKER_URL": f"redis://{HERE}:{REDIS}/0", "PORTAL_INSTANCE": str(folder)}
        app = open_portal(folder, settings["DATABASE_URL"], settings["PORTAL_BROKER_URL"])
        found = []
        for number in range(rounds):
            one, two = (_time(app, settings, slide, side, um_per_px, slides, workers) for workers in (1, 2))
            found.append({"one": one, "two": two, "share": two / one})
            print(f"hosts, round {number + 1}: {one:.1f} s and {two:.1f} s", file=sys.stderr, flush=True)
        with app.app_context():
            db.engine.dispose()
    return {"slides": slides, "side": side, "rounds": found}


def _time(app: Flask, settings: Mapping[str, str], slide: Path, side: int, um_per_px: float, slides: int,
          workers: int) -> float:
    """From the last worker's readiness to the last slide's end; each worker has read one slide before."""
    with ExitStack() as stack, app.app_context():
        for number in range(workers):
            stack.enter_context(_worker(number, settings))
        images = [add_slide(app, slide, side, um_per_px) for _ in range(slides + workers)]
        # What a worker does once, loading graphs above all, is no part of the work.
        _all_read(app, images[:workers])
        return _all_read(app, images[workers:])


def _all_read(app: Flask, images: list[int]) -> float:
    began = time.perf_counter()
    jobs = [ask(app, image, "pcam") for image in images]
    while (state := _states(jobs)).get("done", 0) < len(jobs):
        if state.get("failed") or time.perf_counter() - began > WORK_SECONDS:
            raise CommandFailed(f"the workers did not finish: {state}")
        time.sleep(0.1)
    return time.perf_counter() - began


def _states(jobs: list[int]) -> dict[str, int]:
    db.session.rollback()
    rows = db.session.execute(select(Job.state, func.count()).where(Job.id.in_(jobs)).group_by(Job.state))
    return {row.state: row[1] for row in rows}


@contextmanager
def _worker(number: int, settings: Mapping[str, str]) -> Iterator[None]:
    """A worker on a host and a core of its own."""
    core = sorted(os.sched_getaffinity(0))[number]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    with running("ip", "netns", "exec", _host(number), "taskset", "-c", str(core), sys.executable, "-m", "celery",
                  "--app", "portal.worker", "--quiet", "worker", "--loglevel", "WARNING", "--without-gossip",
                  "--without-mingle", "--without-heartbeat", "--hostname", f"w{number}@{_host(number)}",
                  env={**kept, **settings}):
        time.sleep(5)
        yield


@contextmanager
def _network() -> Iterator[None]:
    """A bridge with the address of the services, and two hosts that reach nothing but it."""
    _take_down()
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("address", "add", f"{HERE}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number in range(2):
            host, outside, inside = _host(number), f"srb-out{number}", f"srb-in{number}"
            _ip("netns", "add", host)
            _ip("link", "add", outside, "type", "veth", "peer", "name", inside)
            _ip("link", "set", outside, "master", BRIDGE, "up")
            _ip("link", "set", inside, "netns", host)
            for words in (("address", "add", f"10.231.77.{number + 2}/24", "dev", inside),
                          ("link", "set", inside, "up"),
                          ("link", "set", "lo", "up")):
                _ip("-netns", host, *words)
        yield
    finally:
        _take_down()


def _take_down() -> None:
    for words in (*(("netns", "delete", _host(number)) for number in range(2)), ("link", "delete", BRIDGE)):
        subprocess.run(("ip", *words), capture_output=True, check=False)  # noqa: S603, S607 (what was never made)


def _host(number: int) -> str:
    return f"srbench{number}"


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True)  # noqa: S603, S607 (our own words)


@contextmanager
def running(*argv: str, env: Mapping[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,  # noqa: S603 (our own commands)
                               stdout=subprocess.DEVNULL, stderr=sys.stderr)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _database(server: str) -> Iterator[None]:
    _sql(server, f"DROP DATABASE IF EXISTS {NAME}")
    _sql(server, f"CREATE DATABASE {NAME}")
    try:
        yield
    finally:
        _sql(server, f"DROP DATABASE IF EXISTS {NAME}")


def _sql(server: str, statement: str) -> None:
    engine = create_engine(server, connect_args={"connect_timeout": 3})
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _address(server: str) -> str:
    url = create_engine(server).url
    return f"{url.host or '127.0.0.1'}:{url.port or 3306}"
