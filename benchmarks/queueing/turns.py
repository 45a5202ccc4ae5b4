"""`python -m benchmarks.queueing.turns`: what it costs the database to say whose turn it is, by the jobs that ended."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, text

from benchmarks.lists.portals import portal_on
from benchmarks.serving import machine
from benchmarks.serving.process import ROOT
from portal.extensions import db
from portal.storage import jobs
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job

DATABASES = ("sqlite", "mariadb")
OWNERS, WAITING, RUNNING = 40, 500, 16
SERVER = os.environ.get("PORTAL_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306")
PIECE = 5000


def main() -> None:
    """Measures, writes `turns.json` and `turns.md`, and prints the latter."""
    options = _options()
    found: dict[str, Any] = {
        "machine": machine.facts(Path(sys.executable), None, ("sqlalchemy", "pymysql")),
        "command": f"python -m benchmarks.queueing.turns --finished {','.join(map(str, options.finished))}",
        "databases": {name: _measure(name, options) for name in DATABASES},
    }
    (options.out / "turns.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    lines = _table(found)
    (options.out / "turns.md").write_text(lines, encoding="utf-8")
    print(lines)


def _measure(database: str, options: argparse.Namespace) -> list[dict[str, float]]:
    print(database, file=sys.stderr, flush=True)
    rows, there = [], 0
    with tempfile.TemporaryDirectory() as folder, portal_on(database, Path(folder), SERVER) as app, app.app_context():
        _fill("queued", 0, WAITING)
        _fill("running", 0, RUNNING)
        for finished in options.finished:
            _fill("done", there, finished)
            there = finished
            db.session.execute(text("ANALYZE TABLE jobs" if database == "mariadb" else "ANALYZE"))
            db.session.commit()
            rows.append({"finished": finished, "next_ms": _median(lambda: jobs.next_in_turn(now()), options.repeats),
                         "ready_ms": _median(lambda: jobs.any_ready(now()), options.repeats)})
    return rows


def _fill(state: str, begin: int, end: int) -> None:
    """Jobs of 40 owners in turn; those that ran had their last turn some minutes apart."""
    if not db.session.query(User).count():
        db.session.execute(insert(User), [
            {"email": f"reader{number}@clinic.example", "name": f"Reader {number}", "role": "clinician",
             "status": "approved", "password_hash": "-"} for number in range(OWNERS)])
    first, start = db.session.query(User.id).order_by(User.id).limit(1).scalar(), datetime.now(UTC)
    for piece in range(begin, end, PIECE):
        db.session.execute(insert(Job), [
            {"kind": "slide", "owner_id": first + number % OWNERS, "title": f"Slide {number}", "params": {},
             "state": state, "turned_at": None if state == "queued" else start - timedelta(minutes=number)}
            for number in range(piece, min(piece + PIECE, end))])
    db.session.commit()


def _median(ask: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
        db.session.rollback()
    return median(times[1:])


def _table(found: dict[str, Any]) -> str:
    on = found["machine"]
    return "\n".join([
        "# Whose turn it is", "",
        f"Median milliseconds of the two questions that a worker asks the database for every turn, with {WAITING} jobs "
        f"waiting and {RUNNING} running", f"of {OWNERS} owners, by the number of jobs that ended earlier.", "",
        "| database | ended jobs | next in turn, ms | is anything ready, ms |", "|---|---|---|---|",
        *(f"| {name} | {row['finished']:,} | {row['next_ms']:.1f} | {row['ready_ms']:.1f} |"
          for name, rows in found["databases"].items() for row in rows), "",
        f"`{found['command']}` on {on['cpu']}, {on['cores']} cores, load before {on['load_before']}, {on['date']}; "
        + ", ".join(f"{name} {version}" for name, version in on["portal"].items()) + ".", "",
    ])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queueing.turns", description=__doc__)
    parser.add_argument("--finished", type=lambda words: [int(word) for word in words.split(",")],
                        default=[0, 10_000, 100_000], help="jobs that ended earlier (0,10000,100000)")
    parser.add_argument("--repeats", type=int, default=20, help="timed questions each, after a first one (20)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
