"""`python -m benchmarks.exports`: seconds and memory of exporting a long history, per format and database."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from benchmarks.exports import report
from benchmarks.exports.fill import fill
from benchmarks.serving import machine
from benchmarks.serving.process import ROOT, Command, run
from config import load_settings
from portal.app import create_app
from portal.extensions import db

FORMATS = ("csv", "jsonl", "xlsx")
SHORT, LONG = 1, 2
"""Readers with a short and a long history."""


def main() -> None:
    """Measures, writes `exports.json` and `exports.md`, and prints the latter."""
    options = _options()
    lengths = {SHORT: options.answers // 10, LONG: options.answers}
    python = Path(sys.executable)
    found: dict[str, Any] = {
        "machine": machine.facts(python, python, ("flask", "sqlalchemy", "pymysql", "xlsxwriter"), ()),
        "command": f"python -m benchmarks.exports --answers {options.answers}", "databases": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.databases.split(","):
            with _database(name, Path(folder), options.mysql) as url:
                found["databases"][name] = _measure(python, name, url, folder, lengths)
            # After each: the second takes as long again, and may not be there.
            _write(found, options.out)
    print(report.markdown(found))


def _write(found: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "exports.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "exports.md").write_text(report.markdown(found), encoding="utf-8")


def _measure(python: Path, name: str, url: str, folder: str, lengths: dict[int, int]) -> list[dict[str, Any]]:
    _tell(f"{name}: filling")
    app = create_app(load_settings({"DATABASE_URL": url, "PORTAL_INSTANCE": folder, "SECRET_KEY": "k" * 40}))
    fill(app, lengths)
    with app.app_context():
        db.engine.dispose()
    found = []
    for form in FORMATS:
        for reader, length in lengths.items():
            _tell(f"{name}: {form} of {length} answers")
            command = (str(python), "-m", "benchmarks.exports.measure", url, folder, str(reader), form)
            found.append({"format": form, "answers": length, **json.loads(run(Command(argv=command)))})
    return found


@contextmanager
def _database(name: str, folder: Path, server: str) -> Iterator[str]:
    """An empty database that is gone afterwards."""
    if name == "sqlite":
        yield f"sqlite:///{folder / 'exports.sqlite3'}"
        return
    held = f"secondread_exports_{os.getpid()}"
    engine = create_engine(server)
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {held}"))
        yield make_url(server).set(database=held).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {held}"))
        engine.dispose()


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exports", description=__doc__)
    parser.add_argument("--answers", type=int, default=100_000, help="length of the long history (100000)")
    parser.add_argument("--databases", default="sqlite,mariadb", help="which of the two, separated by commas")
    parser.add_argument("--mysql", default="mysql+pymysql://root@127.0.0.1:3306", help="a MariaDB or MySQL server")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
