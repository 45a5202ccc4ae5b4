"""The machine and the versions that a table came from."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.serving.process import Command, run

OURS = ("flask", "gunicorn", "onnxruntime", "pillow", "sqlalchemy")
THEIRS = ("fastapi", "uvicorn", "flask", "gunicorn", "gradio", "torch", "timm", "pillow")
_ASK = ("import json, platform as on, sys; from importlib.metadata import version; "
        "print(json.dumps({'Python': on.python_version(), **{one: version(one) for one in sys.argv[1:]}}))")


def facts(portal_python: Path, rivals_python: Path | None = None, ours: tuple[str, ...] = OURS,
          theirs: tuple[str, ...] = THEIRS) -> dict[str, object]:
    """Everything that a reader needs to judge the figures; without rivals, of this portal alone."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
        "portal": _versions(portal_python, ours),
        "rivals": _versions(rivals_python, theirs) if rivals_python else {},
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _versions(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    versions: dict[str, str] = json.loads(run(Command(argv=(str(python), "-c", _ASK, *names))))
    return versions
