"""A clinic's own version beside the one it would replace, on the same images that neither has learnt from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.own_versions import COMPARISON
from models.spec import ModelSpec

Verdict = Literal["better", "worse", "cannot-tell"]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A figure and its 95 % interval; None where there is no saying."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of both versions, and the candidate's less the other's. `better`: "higher" or "lower"."""

    name: str
    better: str
    candidate: Value
    active: Value
    difference: Value


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was measured, and what may be concluded from it."""

    key: str
    version: str
    against: str
    """The version that the candidate was compared with."""
    made: str
    images: int
    """Kept out, and read by both versions."""
    groups: int
    refused: int
    """Kept out, and refused by the quality and domain gate that both share."""
    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    candidate_matrix: tuple[tuple[int, ...], ...]
    """Rows are what the readers said, columns what the version says; empty where there are no classes."""
    active_matrix: tuple[tuple[int, ...], ...]
    verdict: Verdict
    sentence: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    command: str

    @property
    def headline(self) -> str:
        """The first figure with its interval, for lists."""
        first = self.rows[0] if self.rows else None
        if first is None or first.candidate.value is None:
            return ""
        one = first.candidate
        between = "" if one.low is None or one.high is None else f" ({one.low:.3f}–{one.high:.3f})"
        return f"{first.name} {one.value:.3f}{between}"

    @property
    def summary(self) -> str:
        """The first figures in a line, for the audit trail."""
        told = [f"{row.name} {row.candidate.value:.3f} instead of {row.active.value:.3f}" for row in self.rows[:2]
                if row.candidate.value is not None and row.active.value is not None]
        return f"{'; '.join(told)}; {self.images} images in {self.groups} groups kept out; {self.verdict}"


def load_comparison(spec: ModelSpec, folder: Path | None) -> Comparison | None:
    """The comparison of exactly these weights, or None where there is none that can be used."""
    if folder is None:
        return None
    try:
        held = json.loads((folder / f"{spec.key}-{spec.version}{COMPARISON}").read_bytes())
        if (held["key"], held["version"], held["weights_sha256"]) != (spec.key, spec.version, spec.weights_sha256):
            return None
        return _comparison(held)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _comparison(held: Mapping[str, Any]) -> Comparison:
    if held["verdict"] not in ("better", "worse", "cannot-tell"):
        raise ValueError(held["verdict"])
    return Comparison(
        key=held["key"], version=held["version"], against=str(held["against"]), made=str(held["made"]),
        images=int(held["images"]), groups=int(held["groups"]), refused=int(held["refused"]),
        rows=tuple(_row(one) for one in held["rows"]), labels=tuple(str(one) for one in held["labels"]),
        candidate_matrix=_matrix(held["candidate_matrix"]), active_matrix=_matrix(held["active_matrix"]),
        verdict=held["verdict"], sentence=str(held["sentence"]),
        warnings=tuple(str(one) for one in held["warnings"]), notes=tuple(str(one) for one in held["notes"]),
        command=str(held["command"]),
    )


def _row(held: Mapping[str, Any]) -> Row:
    return Row(name=str(held["name"]), better=str(held["better"]), candidate=_value(held["candidate"]),
               active=_value(held["active"]), difference=_value(held["difference"]))


def _value(held: Mapping[str, Any]) -> Value:
    return Value(**{name: _number(held.get(name)) for name in ("value", "low", "high")})


def _number(held: Any) -> float | None:
    return float(held) if isinstance(held, int | float) and math.isfinite(held) else None


def _matrix(held: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(cell) for cell in row) for row in held)
