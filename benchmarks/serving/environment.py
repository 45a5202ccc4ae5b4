"""Virtual environments for what the portal is compared with: made when missing, apart from the portal's own."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.serving.process import ROOT, Command, run

BENCHMARKS = ROOT / "benchmarks"


def rivals_python() -> Path:
    """The interpreter of the rival servers' environment."""
    return python_with(BENCHMARKS / "requirements.txt", BENCHMARKS / ".venv-rivals")


def python_with(requirements: Path, folder: Path) -> Path:
    """The interpreter of an environment in `folder` with exactly the packages of `requirements`."""
    python, stamp = folder / "bin/python", folder / ".complete"
    wanted = requirements.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"Installing {requirements.relative_to(ROOT)} into {folder.relative_to(ROOT)} (once; needs the internet) …",
          file=sys.stderr)
    run(Command(argv=(sys.executable, "-m", "venv", "--clear", str(folder))))
    run(Command(argv=(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                      "-r", str(requirements))))
    stamp.write_text(wanted, encoding="utf-8")
    return python
