"""Times whole requests: login, queries, template, through the application's own test client."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from statistics import median

from flask import Flask
from flask.testing import FlaskClient

from benchmarks.lists.fill import PASSWORD, PEOPLE, READER

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
ROWS = re.compile(r'class="row-link"')


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds of one address, after a first request that is not counted, and the rows it showed. `cpu_ms` is this
    process's own share, which a busy machine leaves alone; of MariaDB it knows nothing.
    """

    address: str
    median_ms: float
    worst_ms: float
    cpu_ms: float
    rows: int


def time_pages(app: Flask, pages: dict[str, str], repeats: int) -> dict[str, Timing]:
    """Every page in turn, round after round, so that a burst of other work falls on all of them alike."""
    client = _logged_in(app)
    rows = {name: len(ROWS.findall(_ask(client, address))) for name, address in pages.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in pages}
    for _ in range(repeats):
        for name, address in pages.items():
            began, worked = time.perf_counter(), time.process_time()
            _ask(client, address)
            times[name].append(((time.perf_counter() - began) * 1e3, (time.process_time() - worked) * 1e3))
    return {name: Timing(address=pages[name], median_ms=median(ms for ms, _ in taken), worst_ms=max(taken)[0],
                         cpu_ms=median(ms for _, ms in taken), rows=rows[name]) for name, taken in times.items()}


def _logged_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    found = TOKEN.search(_ask(client, "/login"))
    if found is None:
        raise RuntimeError("the login form carries no token")
    answer = client.post("/login", data={"email": f"{PEOPLE[READER].lower()}@clinic.example", "password": PASSWORD,
                                         "csrf_token": found.group(1)})
    if answer.status_code != 303:
        raise RuntimeError(f"the login answered {answer.status}")
    return client


def _ask(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status}")
    return answer.get_data(as_text=True)
