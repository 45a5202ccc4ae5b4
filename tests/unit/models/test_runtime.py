"""ONNX Runtime reports to nobody, wherever it is used from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_layers import imports_of, is_below, python_files

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("module", ["wsgi", "portal.worker", "models.engine"])
def test_no_device_id_and_no_queue_of_reports_is_made(module: str, tmp_path: Path) -> None:
    """What it would send lies in the home folder first."""
    home = tmp_path / "home"
    home.mkdir()
    quiet = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    done = subprocess.run([sys.executable, "-c", f"import {module}, onnxruntime"], cwd=ROOT, check=False,
                          env={**environment, "HOME": str(home), "PORTAL_INSTANCE": str(tmp_path / "i")},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []


def test_nobody_takes_it_past_the_module_that_silences_it() -> None:
    past = [str(path.relative_to(ROOT)) for folder in ("models", "portal", "benchmarks", "tests", "deploy")
            for path in python_files(folder) for name in imports_of(path) if is_below(name, "onnxruntime")]
    assert past == ["models/runtime.py"]
