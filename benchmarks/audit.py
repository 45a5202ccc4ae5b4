"""`python -m benchmarks.audit`: times the audit page, sealing and verifying over a million events. With `--keep` the
figures are left in `benchmarks/results/audit.json` and `.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from benchmarks.lists.portals import portal_on
from benchmarks.serving import machine
from benchmarks.serving.memory import forget_peak, peak, resident
from benchmarks.serving.process import ROOT
from benchmarks.serving.report import aligned
from portal.extensions import db
from portal.services import audit, passwords
from portal.services.audit import Actor
from portal.services.chain import keeper
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import now
from tests.support import authenticator
from tests.support.client import Client

INSTANCES = Path(__file__).resolve().parent / "instance"
"""Beside the code and not in /tmp, which may be memory."""
RESULT = ROOT / "benchmarks/results/audit.json"
PEOPLE, CASES, SIGNED = 50, 50_000, 20_000
PASSWORD = "violet harbour lantern 42"  # noqa: S105  (of a database that is gone when this ends)
ACTIONS = (("report.sign", 1), ("login.failure", 2), ("review.create", 5), ("prediction.view", 25), ("case.view", 55),
           ("image.view", 100))
PAGES = ("", "person=7", "action=report.sign", "subject=case:77", "person=7&action=login.failure",
         "since={day}&until={day}", "q=case:4711", "q=nothing+like+it", "person=7&q=192.0.2.9", "before={deep}")


def main() -> None:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default="sqlite,mariadb")
    parser.add_argument("--server", default="mysql+pymysql://root@127.0.0.1:3306")
    parser.add_argument("--unsealed", action="store_true", help="Only the pages.")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    told: dict[str, Any] = {"machine": machine.facts(Path(sys.executable)), "events": options.events,
                            "repeats": options.repeats,
                            "command": f"python -m benchmarks.audit {shlex.join(sys.argv[1:])}".strip()}
    INSTANCES.mkdir(exist_ok=True)
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory(dir=INSTANCES) as folder, portal_on(name, Path(folder), options.server) as app:
            told[name] = {"steps": _steps(name, app, options.events, not options.unsealed),
                          "pages": _pages(name, Client(app), options)}
    if options.keep:
        RESULT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        RESULT.with_suffix(".md").write_text(_markdown(told, options.only.split(",")), encoding="utf-8")


def _steps(name: str, app: Flask, count: int, seal: bool) -> dict[str, dict[str, float]]:
    with app.app_context():
        steps = {f"fill with {count:,} events": lambda: _fill(app, count),
                 f"sign and add {SIGNED:,} more": lambda: _add_signed(SIGNED)}
        if seal:
            steps |= {"seal all": keeper.seal_pending, "verify all": keeper.verify}
        return {what: _time(f"{name}: {what}", act) for what, act in steps.items()}


def _pages(name: str, client: Client, options: argparse.Namespace) -> list[dict[str, object]]:
    client.post("/login", {"email": "chief@clinic.example", "password": PASSWORD})
    return [_page(name, client, page, options) for page in PAGES]


def _page(name: str, client: Client, page: str, options: argparse.Namespace) -> dict[str, object]:
    """Milliseconds of one page, by the clock and by the processor."""
    middle = now() - timedelta(seconds=options.events // 2)
    words = {"day": f"{middle:%Y-%m-%d}", "deep": f"{int(middle.timestamp() * 1e6)}-{options.events // 2}"}
    url = "/admin/audit?" + page.format(**words)
    taken, worked = [], []
    for _ in range(options.repeats):
        began, begun = time.perf_counter(), time.process_time()
        if client.get(url).status_code != 200:
            raise RuntimeError(url)
        taken.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - begun) * 1000)
    found = {"page": page or "no filter", "median_ms": round(statistics.median(taken), 1),
             "most_ms": round(max(taken), 1), "processor_ms": round(statistics.median(worked), 1)}
    print(name, *(f"{key} {value}" for key, value in found.items()), flush=True)
    return found


def _markdown(told: dict[str, Any], names: list[str]) -> str:
    facts = told["machine"]
    lines = [f"# The audit trail with {told['events']:,} events", "",
             "The page by the clock (median and most) and by the processor of the pages, in ms; the rest in s.", ""]
    for name in names:
        found = told[name]
        lines += [f"## {name}", "", *aligned([["page", "median", "most", "processor"], *(
            [f"`{one['page']}`", f"{one['median_ms']:.0f}", f"{one['most_ms']:.0f}", f"{one['processor_ms']:.0f}"]
            for one in found["pages"])]), "",
            *(f"- {what}: {one['seconds']:.1f} s, {one['mb_more']:.0f} MB more"
              for what, one in found["steps"].items()), ""]
    return "\n".join([*lines, f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB; {facts['date']};",
                      f"load before: {facts['load_before']}; median of {told['repeats']}.",
                      f"Command: `{told['command']}`.", ""])


def _fill(app: Flask, count: int) -> None:
    """People, and as many events made by the database itself; nobody signed them."""
    hashed = passwords.hash_password(PASSWORD, 4)
    chief = User(email="chief@clinic.example", name="Chief", password_hash=hashed, role="admin", status="approved")
    db.session.add(chief)
    db.session.flush()
    authenticator.give_factor(app, chief)
    db.session.add_all(User(email=f"r{number}@clinic.example", name=f"Reader {number}", password_hash=hashed,
                            status="approved") for number in range(PEOPLE))
    db.session.commit()
    begin = now() - timedelta(seconds=count)
    sqlite = db.engine.dialect.name == "sqlite"
    numbers = ("WITH RECURSIVE s(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s "  # noqa: S608
               f"WHERE seq < {count}) " if sqlite else "")
    moment = (f"strftime('%Y-%m-%d %H:%M:%S', '{begin:%Y-%m-%d %H:%M:%S}', seq || ' seconds') || '.000000'" if sqlite
              else f"TIMESTAMPADD(SECOND, seq, '{begin:%Y-%m-%d %H:%M:%S}')")
    joined = "{} || {}" if sqlite else "CONCAT({}, {})"
    address, subject = joined.format("'192.0.2.'", "seq % 20"), joined.format("'case:'", f"seq * 31 % {CASES}")
    action = "CASE " + " ".join(f"WHEN seq % 100 < {below} THEN '{name}'" for name, below in ACTIONS) + " END"
    db.session.execute(text(  # numbers and words of this file only
        f"INSERT INTO audit_events (at, actor_id, address, action, subject, details) {numbers}"  # noqa: S608
        f"SELECT {moment}, 1 + seq * 7 % {PEOPLE}, {address}, {action}, {subject}, '{{}}' "
        f"FROM {'s' if sqlite else f'seq_1_to_{count}'}"))
    db.session.commit()


def _add_signed(count: int) -> None:
    for number in range(count):
        audit.record(Actor(user_id=1, address="192.0.2.1"), "image.view", f"image:{number}", case=number)
    db.session.commit()


def _time(what: str, act: Callable[[], object]) -> dict[str, float]:
    """How long it takes, and how far memory goes above where it was."""
    here, began = os.getpid(), time.perf_counter()
    before = resident(here)
    forget_peak(here)
    act()
    taken, more = time.perf_counter() - began, max(0.0, peak(here) - before)
    print(f"{what}: {taken:.1f} s, {more:.0f} MB more", flush=True)
    return {"seconds": round(taken, 1), "mb_more": round(more)}


if __name__ == "__main__":
    main()
