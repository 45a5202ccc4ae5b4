"""Drawn smears of 800×600 pixels that the portal scores, so that every request runs the whole model."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.serving.portal_stack import MODEL, Portal
from benchmarks.serving.process import ROOT, Command, run

CANDIDATES = 12


def draw(folder: Path) -> list[Path]:
    """Draw candidates with the portal's own code, in its environment: this process needs no packages."""
    python = str(ROOT / ".venv/bin/python")
    run(Command(argv=(python, "-m", "benchmarks.serving._draw", str(folder), str(CANDIDATES))))
    return sorted(folder.glob("*.jpg"))


def scored(portal: Portal, files: list[Path]) -> list[bytes]:
    """The bytes of those that the portal scores; a refused one would spare it the heat map."""
    lines = portal.flask("predict", MODEL, *map(str, files), "--json", accepted=(0, 1)).splitlines()
    readings = [json.loads(line) for line in lines if line.startswith("{")]
    kept = [file.read_bytes() for file, reading in zip(files, readings, strict=True)
            if reading["outcome"] == "scored"]
    if not kept:
        reasons = {reading["reason"] for reading in readings}
        raise RuntimeError(f"The portal scored none of {len(files)} smears: {'; '.join(sorted(reasons))}")
    return kept
