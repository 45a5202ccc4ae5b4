"""A run on one database leaves the other's figures as they were, and the table tells both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kills import __main__ as kills


def run_of(database: str, **problems: int) -> dict[str, Any]:
    return {"database": database, "measured": "2026-11-21 17:36 UTC", "python": "3.11.7", "seed": 6, "seconds": 90.0,
            "command": f"python -m benchmarks.kills --database {database}", "kills": {"web": 3, "worker child": 4},
            "uploads_sent": 50, "acknowledged": 31, "unanswered": 19, "answered_otherwise": 0, "jobs": 6,
            "found": {"images": 30, "swept": 2}, "problems": problems}


def test_each_database_keeps_its_own_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "RESULT", tmp_path / "kills.json")
    kills.keep("sqlite", run_of("sqlite"))
    kills.keep("mysql", run_of("mysql", jobs_open=2))
    kept = json.loads((tmp_path / "kills.json").read_text())
    assert kept == {"sqlite": run_of("sqlite"), "mysql": run_of("mysql", jobs_open=2)}
    told = [[cell.strip() for cell in line.strip("|").split("|")] for line in
            (tmp_path / "kills.md").read_text().splitlines() if line.startswith("|")]
    assert told[0] == ["", "SQLite", "MariaDB"]
    assert ["kills", "7", "7"] in told
    assert ["of web child", "0", "0"] in told
    assert ["problems", "none", "jobs_open: 2"] in told
