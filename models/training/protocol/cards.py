"""Puts a card together from an evaluation: every figure from the evaluation, none typed by hand."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from models.spec import ModelSpec
from models.training.protocol.course import VERBS
from models.training.protocol.graphs import sha256_of
from models.training.protocol.plan import Plan

Json = dict[str, Any]

PACKAGES = ("numpy", "onnxruntime", "Pillow", "torch", "timm", "scikit-learn", "scikit-image")


def number(value: float, decimals: int = 3) -> str:
    """A plain figure: 0.977."""
    return f"{value:.{decimals}f}"


def percent(value: float) -> str:
    """A share of one as per cent: 97.5 %."""
    return f"{value * 100:.1f} %"


def between(interval: Sequence[float], *, as_percent: bool = False, decimals: int = 3) -> str:
    """An interval: 0.940–1.000, or 94.0–100.0 %."""
    low, high = interval
    if as_percent:
        return f"{low * 100:.1f}–{high * 100:.1f} %"
    return f"{low:.{decimals}f}–{high:.{decimals}f}"


def figure(name: str, value: str, command: str, interval: str = "") -> Json:
    """One measured number, with the command that measured it."""
    return {"name": name, "value": value, "interval": interval, "command": command}


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[object]], command: str) -> Json:
    """Rows as long as the headings; whatever is no text yet becomes it."""
    if any(len(row) != len(headings) for row in rows):
        raise ValueError(f"{caption!r}: every row needs {len(headings)} cells")
    texts = [[str(cell) for cell in row] for row in rows]
    return {"caption": caption, "headings": list(headings), "rows": texts, "command": command}


def picture(file: str, alt: str, caption: str = "") -> Json:
    """A drawing beside the card. Never one that shows a patient's image."""
    return {"file": file, "alt": alt, "caption": caption}


def section(
    title: str,
    *,
    text: Sequence[str] = (),
    points: Sequence[str] = (),
    figures: Sequence[Json] = (),
    tables: Sequence[Json] = (),
    pictures: Sequence[Json] = (),
) -> Json:
    """One heading of the card; what is empty is left out."""
    parts = {"text": text, "points": points, "figures": figures, "tables": tables, "pictures": pictures}
    return {"title": title, **{name: list(held) for name, held in parts.items() if held}}


def provenance(spec: ModelSpec, plan: Plan, packages: Sequence[str] = PACKAGES) -> Json:
    """Which files are measured, whatever hash the spec expects of them, and with which versions."""
    files = {name: plan.weights / file.name for name, file in spec.graphs.items()}
    return {
        "files": {path.name: sha256_of(path) for path in files.values()},
        "weights_sha256": sha256_of(files["predict"]),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def write_card(
    spec: ModelSpec, plan: Plan, provenance: Mapping[str, Any], sections: Sequence[Json], path: Path | None = None
) -> None:
    """The card of a version, as `models.card.load_card` reads it: the plan's own card unless `path` is given."""
    held = {
        "key": spec.key,
        "version": spec.version,
        "weights_sha256": provenance["weights_sha256"],
        "files": dict(provenance["files"]),
        "commands": {verb: plan.command(verb) for verb in VERBS},
        "sections": list(sections),
    }
    path = path or plan.card_folder / "card.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
