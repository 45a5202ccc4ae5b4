"""`python -m benchmarks.lists`: fills a database with 100,000 predictions of one reader and times every list."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.lists import report
from benchmarks.lists.fill import fill
from benchmarks.lists.measure import time_pages
from benchmarks.lists.pages import pages_of
from benchmarks.lists.portals import portal_on
from benchmarks.serving import machine
from benchmarks.serving.process import ROOT

DATABASES = ("sqlite", "mariadb")
INSTANCES = ROOT / "benchmarks/instance"
"""Beside the code and not in /tmp, which may be memory."""


def main() -> None:
    """Measures, writes `lists.json` and `lists.md`, and prints the latter."""
    options = _options()
    python = Path(sys.executable)
    found: dict[str, Any] = {
        "machine": machine.facts(python, python, ("flask", "sqlalchemy", "pymysql"), ()),
        "command": f"python -m benchmarks.lists --predictions {options.predictions} --repeats {options.repeats} "
                   f"--seed {options.seed} --only {options.only}",
        "predictions": options.predictions, "repeats": options.repeats, "seed": options.seed,
        "databases": {name: _measure(name, options) for name in DATABASES if name in options.only.split(",")},
        "load_after": round(os.getloadavg()[0], 2),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "lists.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = report.markdown(found)
    (options.out / "lists.md").write_text(text, encoding="utf-8")
    print(text)


def _measure(database: str, options: argparse.Namespace) -> dict[str, Any]:
    INSTANCES.mkdir(exist_ok=True)
    with (tempfile.TemporaryDirectory(dir=INSTANCES) as folder,
          portal_on(database, Path(folder), options.server) as app):
        print(f"{database}: filling", file=sys.stderr, flush=True)
        began = time.perf_counter()
        with app.app_context():
            fill(options.predictions, options.seed)
        seconds = time.perf_counter() - began
        print(f"{database}: measuring", file=sys.stderr, flush=True)
        timings = time_pages(app, pages_of(options.predictions), options.repeats)
    return {"fill_seconds": seconds, "pages": {name: asdict(one) for name, one in timings.items()}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--predictions", type=int, default=100_000, help="of the reader who is measured (100000)")
    parser.add_argument("--repeats", type=int, default=15, help="timed rounds after a first one (15)")
    parser.add_argument("--seed", type=int, default=7, help="of the made-up work (7)")
    parser.add_argument("--only", default=",".join(DATABASES), help="one of the databases")
    parser.add_argument("--server", default=os.environ.get("PORTAL_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306"),
                        help="where MariaDB or MySQL answers (PORTAL_TEST_MYSQL)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
