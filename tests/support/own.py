"""Versions as a clinic would have fine-tuned them: the published files under names of their own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from models.catalogue import Catalogue
from models.engine import WEIGHTS

SPEC = Catalogue()["leukemia"].spec
OWN = f"{SPEC.version}.own-a"


def manifest(name: str = "a", key: str = "leukemia") -> dict[str, Any]:
    """What `export` would write."""
    spec = Catalogue()[key].spec
    version = f"{spec.version}.own-{name}"
    files = {graph: {"name": f"{key}-{version}.{graph}{Path(file.name).suffix}", "sha256": file.sha256}
             for graph, file in spec.graphs.items()}
    return {"key": key, "version": version, "published": spec.version, "base": spec.version,
            "made": f"2026-11-21T00:00:00+00:00{name}", "files": files, "images": 48, "groups": 9, "demonstration": "",
            "figures": {}}


def comparison(held: dict[str, Any], verdict: str = "better") -> dict[str, Any]:
    """What `compare` would write."""
    value = {"value": 0.9, "low": 0.8, "high": 0.95}
    row = {"name": "Macro-F1", "better": "higher", "candidate": value, "active": {"value": 0.75}, "difference": value}
    labels = [label.name for label in Catalogue()[held["key"]].spec.labels]
    matrix = [[7 if one == other else 1 for one in labels] for other in labels]
    return {"key": held["key"], "version": held["version"], "against": held["base"],
            "weights_sha256": held["files"]["predict"]["sha256"], "made": "2026-11-21 00:00 UTC", "images": 40,
            "groups": 11, "refused": 3, "rows": [row], "labels": labels, "candidate_matrix": matrix,
            "active_matrix": matrix, "verdict": verdict, "sentence": "By a sentence of the test.",
            "warnings": ["Only 40 images were kept out."], "notes": ["A note."], "command": "python -m models.training"}


def make_version(folder: Path, name: str = "a", key: str = "leukemia", *, compared: bool = True,
                 verdict: str = "better", differs: bool = False, **changes: Any) -> str:
    """Puts a version into a folder, and gives its name. `differs`: its explanation is a file of other bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    held = manifest(name, key) | changes
    for graph, file in Catalogue()[key].spec.graphs.items():
        mine = held["files"][graph]
        data = (WEIGHTS / file.name).read_bytes()
        if differs and graph == "gate":
            data += b"\0"
            mine["sha256"] = hashlib.sha256(data).hexdigest()
        (folder / mine["name"]).write_bytes(data)
    if compared:
        path = folder / f"{key}-{held['version']}.comparison.json"
        path.write_text(json.dumps(comparison(held, verdict)), encoding="utf-8")
    new = folder / "manifest.new"
    new.write_text(json.dumps(held), encoding="utf-8")
    new.replace(folder / f"{key}-{held['version']}.json")
    return str(held["version"])
