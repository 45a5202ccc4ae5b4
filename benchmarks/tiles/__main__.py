"""How fast a kept slide's tiles come over HTTP, in a session that is logged in: `python -m benchmarks.tiles`.

Makes a portal of its own, one made-up slide, and a reader; asks for tiles in random order, once to warm up and then
measured, with as many clients at once as asked for.
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

from config import ROOT
from portal.app import create_app
from portal.extensions import db
from portal.services import passwords
from portal.storage.tables.accounts import User
from tests.conftest import PASSWORD, make_settings
from tests.support import databases
from tests.support.client import TOKEN, Client
from tests.support.slides import kept_slide
from tests.web.test_cases import open_case

EMAIL = "reader@clinic.example"


def prepare(folder: Path, side: int) -> None:
    """A database with a reader, a case and a slide."""
    app = create_app(make_settings(folder, f"sqlite:///{folder / 'secondread.sqlite3'}"))
    databases.migrate(app)
    with app.app_context():
        db.session.add(User(email=EMAIL, name="Reader", role="clinician", status="approved",
                            password_hash=passwords.hash_password(PASSWORD, 4)))
        db.session.commit()
    reader = Client(app)
    reader.post("/login", {"email": EMAIL, "password": PASSWORD})
    kept_slide(app, open_case(reader), width=side, height=side)
    with app.app_context():
        db.engine.dispose()


def log_in(port: int) -> str:
    """The cookie of a login."""
    page = HTTPConnection("127.0.0.1", port)
    page.request("GET", "/login")
    answer = page.getresponse()
    cookie = answer.getheader("Set-Cookie", "").partition(";")[0]
    token = TOKEN.search(answer.read().decode())
    assert token
    body = f"email={EMAIL.replace('@', '%40')}&password={PASSWORD.replace(' ', '+')}&csrf_token={token.group(1)}"
    page.request("POST", "/login", body, {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
    answer = page.getresponse()
    answer.read()
    return (answer.getheader("Set-Cookie") or cookie).partition(";")[0]


def ask(port: int, cookie: str, paths: list[str]) -> list[float]:
    """Milliseconds of each, one after the other on one connection."""
    line, taken = HTTPConnection("127.0.0.1", port), []
    for path in paths:
        started = time.perf_counter()
        line.request("GET", path, headers={"Cookie": cookie})
        answer = line.getresponse()
        data = answer.read()
        taken.append((time.perf_counter() - started) * 1000)
        assert answer.status == 200, (path, answer.status, data[:200])
    return taken


def main() -> None:
    said = argparse.ArgumentParser()
    said.add_argument("--side", type=int, default=10_000)
    said.add_argument("--tiles", type=int, default=400)
    said.add_argument("--clients", type=int, default=4)
    said.add_argument("--port", type=int, default=8791)
    asked = said.parse_args()
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), asked.side)
        environment = {**os.environ, "PORTAL_INSTANCE": name, "PORT": str(asked.port), "SECRET_KEY": "k" * 40}
        server = subprocess.Popen([sys.executable, "-m", "gunicorn", "wsgi:app"], cwd=ROOT, env=environment,
                                  stderr=subprocess.DEVNULL)
        try:
            measure(asked)
        finally:
            server.terminate()
            server.wait()


def measure(asked: argparse.Namespace) -> None:
    cookie = wait_and_log_in(asked.port)
    page = HTTPConnection("127.0.0.1", asked.port)
    page.request("GET", "/images/1/slide", headers={"Cookie": cookie})
    levels = re.search(r'data-levels="(\d+)"', page.getresponse().read().decode())
    assert levels
    top, across = int(levels.group(1)) - 1, -(-asked.side // 512)
    places = np.random.default_rng(1).integers(0, across, (asked.tiles, 2))
    paths = [f"/images/1/tiles/{top}/{column}_{row}.jpg" for column, row in places]
    ask(asked.port, cookie, paths)
    for clients in (1, asked.clients):
        shares = [paths[number::clients] for number in range(clients)]
        with ThreadPoolExecutor(clients) as pool:
            taken = sorted(ms for part in pool.map(lambda some: ask(asked.port, cookie, some), shares) for ms in part)
        print(f"{clients} at once: p50 {statistics.median(taken):.1f} ms, p95 {taken[int(0.95 * len(taken))]:.1f} ms, "
              f"slowest {taken[-1]:.1f} ms, {len(taken)} tiles")


def wait_and_log_in(port: int) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return log_in(port)
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the portal did not start")


if __name__ == "__main__":
    main()
