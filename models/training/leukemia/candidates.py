"""Fitting and installing a candidate: its files and the manifest by which the portal finds them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.catalogue import Catalogue
from models.installed import manifest_file
from models.spec import ModelSpec
from models.training.leukemia.compare import side_of
from models.training.leukemia.export import export_files
from models.training.protocol.plan import Plan, read_json, write_json


def install(plan: Plan) -> None:
    """Graphs and gate to the plan's weights, with their manifest; `export.json` as for the served hybrid."""
    side = side_of(plan)
    record = export_files(plan, side)
    spec = Catalogue()[plan.key].spec
    write_manifest(spec, plan.weights, record, {"side": side, "recipe": read_json(plan.out / "recipe.json")})
    print(json.dumps(record, indent=1))


def write_manifest(spec: ModelSpec, weights: Path, record: dict[str, Any], figures: dict[str, Any]) -> None:
    """What `models.installed` reads: which files there are, made when, and how."""
    names = {"predict": f"{spec.key}-{spec.version}.onnx", "explain": f"{spec.key}-{spec.version}.gradcam.onnx",
             "gate": f"{spec.key}-{spec.version}.gate.npz"}
    held = {
        "key": spec.key,
        "version": spec.version,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {graph: {"name": name, "sha256": record["sha256"][graph]} for graph, name in names.items()},
        "figures": {**figures, "parity": record["parity"], "held_out": record["held_out"]},
    }
    write_json(held, manifest_file(spec, weights))
