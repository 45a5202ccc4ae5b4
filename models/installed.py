"""Weights that are no part of the project: a manifest beside them says which a training run has installed.

`<key>-<version>.json` in the folder of weights, as `models.training` writes it: `key`, `version`, `made` (UTC),
`files` ({graph: {"name", "sha256"}}) and `figures`. Whoever copies a candidate to another machine copies it too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.spec import ModelSpec, WeightFile

WEIGHTS = Path(__file__).parent / "weights"


class ManifestError(ValueError):
    """A manifest is there and cannot be used; the text says which and why."""


def manifest_file(spec: ModelSpec, weights: Path = WEIGHTS) -> Path:
    """Where the manifest of a version stands, or would."""
    return weights / f"{spec.key}-{spec.version}.json"


def with_installed(spec: ModelSpec, weights: Path = WEIGHTS) -> ModelSpec:
    """The spec with the files that its manifest lists; as it was where there is none, or none that can be used."""
    if not spec.installs:
        return spec
    try:
        return replace(spec, graphs=read_manifest(spec, weights))
    except (FileNotFoundError, ManifestError):
        return spec


def missing(spec: ModelSpec, weights: Path = WEIGHTS) -> str:
    """What stands in the way of a version whose weights are not installed, and what to do about it."""
    try:
        read_manifest(spec, weights)
    except ManifestError as problem:
        return str(problem)
    except FileNotFoundError:
        pass
    how = spec.obtain or f"Train them (python -m models.training fit {spec.key}, then export {spec.key})"
    return (
        f"The weights of {spec.key} are not installed. {how}, or copy {manifest_file(spec).name} and the files it "
        "lists into models/weights; then start the portal again."
    )


def read_manifest(spec: ModelSpec, weights: Path = WEIGHTS) -> dict[str, WeightFile]:
    """The installed files by graph. Raises FileNotFoundError, or ManifestError for one that cannot be used."""
    path = manifest_file(spec, weights)
    text = path.read_bytes()
    try:
        held: dict[str, Any] = json.loads(text)
        if (held["key"], held["version"]) != (spec.key, spec.version):
            raise ManifestError(f"{path.name} is the manifest of {held['key']} {held['version']}")
        files = {graph: WeightFile(name=one["name"], sha256=one["sha256"]) for graph, one in held["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        if isinstance(problem, ManifestError):
            raise
        raise ManifestError(f"{path.name} cannot be used: write it again with export") from None
    absent = [graph for graph in spec.installs if graph not in files]
    if absent or any(Path(file.name).name != file.name for file in files.values()):
        raise ManifestError(f"{path.name} does not list usable files for {', '.join(spec.installs)}")
    return {graph: files[graph] for graph in spec.installs}
