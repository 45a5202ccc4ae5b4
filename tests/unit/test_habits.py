"""The linters pass: what they know, no reviewer has to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [
    ("ruff", "check", "."), ("mypy",),
    ("bandit", "-q", "-ll", "-r", "portal", "models", "deploy", "config.py", "wsgi.py", "gunicorn.conf.py")],
    ids=["ruff", "mypy", "bandit"])
def test_the_linter_finds_nothing(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
