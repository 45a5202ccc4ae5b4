"""A leukemia candidate whose installed weights are the served ones under its own manifest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from models.engine import WEIGHTS
from models.zoo.leukemia import SPEC as SERVED

CANDIDATE = "leukemia-xception-bigru"


def manifest() -> dict[str, Any]:
    """What `export` would write."""
    files = {graph: {"name": file.name, "sha256": file.sha256} for graph, file in SERVED.graphs.items()}
    return {"key": CANDIDATE, "version": "1", "made": "2026-11-21T00:00:00Z", "files": files, "figures": {}}


def install(folder: Path) -> Path:
    """A folder with all weights of the project and the candidate's manifest."""
    shutil.copytree(WEIGHTS, folder)
    (folder / f"{CANDIDATE}-1.json").write_text(json.dumps(manifest()), encoding="utf-8")
    return folder
