"""Keeps what became of every try to read an image, without the image: what metrics count and drift compares."""

from __future__ import annotations

from dataclasses import asdict

from models.imaging.looks import look_at
from models.reference import score_of
from models.spec import ModelSpec, Pixels, Reading
from portal.storage import model_runs

REASON_LENGTH, FINDINGS_LENGTH = 40, 200


def note_reading(spec: ModelSpec, reading: Reading, *, ms: float, size: tuple[int, int], um_per_px: float | None,
                 pixels: Pixels | None) -> None:
    """Count a reading in the running transaction; `size` is width and height. The caller commits.

    `pixels` (h, w, 3) are None for a slide, whose pixels no one holds at once.
    """
    refusing = next((one.code for one in reading.findings if one.refuses), "") if reading.outcome == "refused" else ""
    codes = " ".join(dict.fromkeys(one.code for one in reading.findings))
    model_runs.add_run(
        model=spec.key, version=spec.version, outcome=reading.outcome, reason=refusing[:REASON_LENGTH],
        findings=codes[:FINDINGS_LENGTH], ms=ms, width=size[0], height=size[1], um_per_px=um_per_px,
        score=score_of(spec, reading.scores), **(asdict(look_at(pixels)) if pixels is not None else {}))


def note_failure(spec: ModelSpec, outcome: str, reason: str) -> None:
    """Count a try that came to no reading: "failed" by the model, or "unreadable". The caller commits."""
    model_runs.add_run(model=spec.key, version=spec.version, outcome=outcome, reason=reason[:REASON_LENGTH])
