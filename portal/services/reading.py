"""From bytes to what a model says of them: the one path of the page and of the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from models.engine import Engine
from models.imaging.decode import Picture, decode
from models.imaging.limits import Limits
from models.spec import Finding, ModelSpec, Pixels, Reading


@dataclass(frozen=True, kw_only=True)
class TimedReading:
    """A reading, the picture it was made from, and the model's time in milliseconds."""

    spec: ModelSpec
    reading: Reading
    picture: Picture
    ms: float


def read_image(engine: Engine, key: str, data: bytes, limits: Limits) -> TimedReading:
    """Decode and read an image. Raises Unreadable for bytes that are no image to us."""
    return read_picture(engine, key, decode(data, limits))


def read_picture(engine: Engine, key: str, picture: Picture) -> TimedReading:
    """Read a decoded image."""
    reading, ms = _timed(engine, key, picture.pixels)
    notes = tuple(Finding(code="conversion", message=note) for note in picture.notes)
    reading = replace(reading, findings=(*reading.findings, *notes))
    return TimedReading(spec=engine.spec(key), reading=reading, picture=picture, ms=ms)


def as_object(name: str, timed: TimedReading) -> dict[str, Any]:
    """The object that the command line prints, per file."""
    return {
        "file": name,
        "model": timed.spec.key,
        "version": timed.spec.version,
        "outcome": timed.reading.outcome,
        "reason": timed.reading.reason,
        "label": timed.reading.label,
        "scores": dict(timed.reading.scores),
        "ms": timed.ms,
    }


def unreadable_object(name: str, spec: ModelSpec, reason: str) -> dict[str, Any]:
    """The same object for a file that no model was shown."""
    return {"file": name, "model": spec.key, "version": spec.version, "outcome": "error",
            "reason": reason, "label": None, "scores": {}, "ms": None}


def _timed(engine: Engine, key: str, pixels: Pixels) -> tuple[Reading, float]:
    started = time.perf_counter()
    reading = engine.read(key, pixels)
    return reading, round((time.perf_counter() - started) * 1000, 1)
