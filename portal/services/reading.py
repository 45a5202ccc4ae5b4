"""From bytes to what a model says of them: the one path of the page and of the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from models.engine import Engine
from models.imaging.decode import Picture
from models.imaging.limits import Limits
from models.sandbox.pool import decode
from models.spec import Finding, Micrograph, ModelSpec, Reading
from portal.services.errors import PixelSizeProblem


@dataclass(frozen=True, kw_only=True)
class TimedReading:
    """A reading, the picture and the pixel size it was made from, and the model's time in milliseconds."""

    spec: ModelSpec
    reading: Reading
    picture: Picture
    um_per_px: float | None
    ms: float


def read_image(engine: Engine, key: str, data: bytes, limits: Limits, um_per_px: float | None = None,
               version: str = "") -> TimedReading:
    """Decode and read an image, with the published version unless another is named.

    Raises Unreadable for bytes that are no image to us, or PixelSizeProblem.
    """
    picture = decode(data, limits)
    micrograph = measured(picture, um_per_px)
    check_pixel_size(engine.spec(key, version), micrograph)
    return read_picture(engine, key, picture, micrograph, version)


def measured(picture: Picture, um_per_px: float | None) -> Micrograph:
    """The picture with the pixel size that was stated, else with the one that its file carries."""
    return Micrograph(pixels=picture.pixels, um_per_px=um_per_px or picture.header.um_per_px)


def check_pixel_size(spec: ModelSpec, micrograph: Micrograph) -> None:
    """Raises PixelSizeProblem when the system needs another pixel size than is known."""
    problem = spec.scale.problem(micrograph) if spec.scale else ""
    if problem:
        raise PixelSizeProblem(problem)


def read_picture(engine: Engine, key: str, picture: Picture, micrograph: Micrograph,
                 version: str = "") -> TimedReading:
    """Read a decoded image."""
    started = time.perf_counter()
    reading = engine.read(key, micrograph, version)
    ms = round((time.perf_counter() - started) * 1000, 1)
    notes = tuple(Finding(code="conversion", message=note) for note in picture.notes)
    reading = replace(reading, findings=(*reading.findings, *notes))
    return TimedReading(spec=engine.spec(key, version), reading=reading, picture=picture,
                        um_per_px=micrograph.um_per_px, ms=ms)


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
        **demonstration_fields(timed.spec.demonstration if timed.reading.scores else ""),
    }


def unreadable_object(name: str, spec: ModelSpec, reason: str) -> dict[str, Any]:
    """The same object for a file that no model was shown."""
    return {"file": name, "model": spec.key, "version": spec.version, "outcome": "error",
            "reason": reason, "label": None, "scores": {}, "ms": None}


def demonstration_fields(why: str) -> dict[str, Any]:
    """What stands beside scores that only demonstrate; nothing beside others."""
    return {"demonstration": True, "demonstration_note": why} if why else {}
