"""Drawn sample images for a first try, and how to tell them from a patient's."""

from __future__ import annotations

from pathlib import Path

from models.imaging.drawn import DRAWN_PREFIX, Sample, write_samples


def is_drawn(name: str) -> bool:
    """Whether a file name says that the picture was drawn by `flask samples`."""
    return name.lower().startswith(DRAWN_PREFIX)


def create_samples(folder: Path) -> list[Sample]:
    """Draw the samples into a folder, made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_samples(folder)
