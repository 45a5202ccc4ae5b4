"""Processes killed at random moments under load lose nothing that was acknowledged. Many more of them at night."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.kills.run import run

pytestmark = pytest.mark.slow
KILLS = 200 if os.environ.get("PORTAL_NIGHTLY") else 5


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    outcome = run(tmp_path, f"sqlite:///{tmp_path / 'test.sqlite3'}", kills=KILLS, seed=6)
    assert outcome.found.problems == {}, outcome
    assert outcome.acknowledged >= KILLS // 2
    assert sum(outcome.kills.values()) >= KILLS
