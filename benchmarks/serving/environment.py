"""The rivals' virtual environment: made when missing, apart from the portal's own."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.serving.process import ROOT, Command, run

FOLDER = ROOT / "benchmarks/.venv-rivals"
REQUIREMENTS = ROOT / "benchmarks/requirements.txt"


def rivals_python() -> Path:
    """The interpreter of an environment with exactly the packages of `requirements.txt`."""
    python, stamp = FOLDER / "bin/python", FOLDER / ".complete"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"Installing the others into {FOLDER.relative_to(ROOT)} (once; needs the internet) …",
          file=sys.stderr)
    run(Command(argv=(sys.executable, "-m", "venv", "--clear", str(FOLDER))))
    run(Command(argv=(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                      "-r", str(REQUIREMENTS))))
    stamp.write_text(wanted, encoding="utf-8")
    return python
