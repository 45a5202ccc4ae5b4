"""What is lost when processes are killed at random moments: `python -m benchmarks.kills --kills 200 --seed 6`.

Two readers upload all the time, jobs run, and a gunicorn child, all of gunicorn, a worker's child or all of a worker
is killed (SIGKILL), again and again. Everything that was acknowledged must be there. With `--keep` the run takes the
place of the last one on this database in `benchmarks/results/kills.json`, and `kills.md` is written anew; it ends
early after `--minutes`; the status is 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.kills import report
from benchmarks.kills.run import run
from config import ROOT
from tests.support import databases

RESULT = ROOT / "benchmarks" / "results" / "kills.json"
MARIADB = "secondread_kills"


def main() -> None:
    said = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    said.add_argument("--kills", type=int, default=200)
    said.add_argument("--minutes", type=float, default=120)
    said.add_argument("--seed", type=int, default=6)
    said.add_argument("--database", choices=tuple(report.DATABASES), default="sqlite")
    said.add_argument("--keep", action="store_true")
    asked = said.parse_args()
    with tempfile.TemporaryDirectory() as name:
        url = databases.create_mysql(MARIADB) if asked.database == "mysql" else f"sqlite:///{name}/a.sqlite3"
        outcome = run(Path(name), url, asked.kills, asked.seed, asked.minutes)
    if asked.database == "mysql":
        databases.drop_mysql(MARIADB)
    told = {"measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "python": platform.python_version(),
            "command": f"python -m benchmarks.kills {shlex.join(sys.argv[1:])}".strip(), **outcome.told()}
    print(json.dumps(told, indent=1))
    if asked.keep:
        keep(asked.database, told)
    sys.exit(1 if outcome.found.problems else 0)


def keep(database: str, told: dict[str, Any]) -> None:
    """The other database's run stays as it is."""
    kept = {**(json.loads(RESULT.read_text()) if RESULT.exists() else {}), database: told}
    RESULT.write_text(json.dumps(kept, indent=1) + "\n")
    RESULT.with_suffix(".md").write_text(report.markdown(kept))


if __name__ == "__main__":
    main()
