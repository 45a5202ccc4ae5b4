"""`python -m benchmarks.exports.measure URL FOLDER READER FORMAT`: exports one history, prints JSON.

Runs in a process of its own, so that its memory is that of one export and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from flask import Flask

from benchmarks.serving.memory import forget_peak, peak, resident
from config import load_settings
from portal.app import create_app
from portal.services.audit import Actor
from portal.services.exports import files, history
from portal.storage.cases import CaseFilter


def main() -> None:
    """An empty export first, so that everything is loaded; then the whole one."""
    url, folder, reader, form = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    app = create_app(load_settings({"DATABASE_URL": url, "PORTAL_INSTANCE": folder, "SECRET_KEY": "k" * 40}))
    with app.app_context():
        _export(app, reader, form, CaseFilter(until=date(2000, 1, 1)))
        before = resident(os.getpid())
        forget_peak(os.getpid())
        found = _export(app, reader, form, CaseFilter())
        print(json.dumps({**found, "growth_mb": peak(os.getpid()) - before, "before_mb": before}))


def _export(app: Flask, reader: int, form: str, cases: CaseFilter) -> dict[str, float]:
    began, size, first = time.perf_counter(), 0, 0.0
    used = time.process_time()
    for piece in _pieces(app, reader, form, cases):
        first = first or time.perf_counter() - began
        size += len(piece)
    return {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used,
            "first_byte_seconds": first, "megabytes": size / 1e6}


def _pieces(app: Flask, reader: int, form: str, cases: CaseFilter) -> Iterator[bytes]:
    """What the view sends."""
    engine = app.extensions["engine"]
    wanted = history.begin(Actor(user_id=reader), reader, cases, "latest", form)
    if form == "jsonl":
        yield from files.jsonl_of(history.walk_objects(engine, wanted))
        return
    columns = history.find_columns(engine, wanted)
    rows = history.walk_rows(engine, columns, wanted)
    if form == "csv":
        yield from files.csv_of(columns.names, rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.xlsx"
        files.write_xlsx(path, columns.names, rows, history.about(wanted))
        with path.open("rb") as made:
            while piece := made.read(1 << 16):
                yield piece


if __name__ == "__main__":
    main()
