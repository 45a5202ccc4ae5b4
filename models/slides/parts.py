"""Slides that are a folder of files: what belongs to them, and that they name nothing outside."""

from __future__ import annotations

from pathlib import Path

from models.imaging.errors import Unreadable
from models.slides.refusals import refuse_damaged

IN_SEVERAL_FILES = ("mirax", "hamamatsu", "dicom")
_MOST_LIST_BYTES = 4 << 20


def size_of(path: Path) -> int:
    """Bytes of a slide with all files beside it."""
    return sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())


def check_list(listed: Path) -> None:
    """Refuse a slide whose list of files (keys and values) leads out of its folder: openslide would read there."""
    if not listed.is_file():
        return
    if listed.stat().st_size > _MOST_LIST_BYTES:
        refuse_damaged()
    for line in listed.read_bytes().splitlines():
        key, _, value = line.lower().partition(b"=")
        if (b"file" in key or b"image" in key) and (b"/" in value or b"\\" in value):
            raise Unreadable("broken", "The slide names files outside its own folder. Please export the slide again.")
