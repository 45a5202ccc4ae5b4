"""A look at a TIFF's directories within bounds, before a library that trusts them reads them all."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.imaging import ifd
from models.imaging.errors import Unreadable
from models.slides.refusals import refuse_damaged, refuse_incomplete

MAGICS = (b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0", b"MM\0\x2b")
_MOST_PAGES = 1024
_MOST_TAG_BYTES = 64 << 20
"""Of one tag: the places of the tiles of the largest slide take a third of it."""
_PRIVATE = 32_768
_SUBDIRECTORIES, _MOST_SUBDIRECTORIES = 330, 64


def check(path: Path) -> None:
    """Refuse a TIFF of thousands of pages, of giant tags, or whose directories go in circles."""
    with _mapped(path) as data:
        try:
            layout = ifd.read_layout(data)
            _walk(data, layout)
        except ifd.BadDirectory:
            refuse_damaged()


@contextmanager
def _mapped(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data  # type: ignore[misc]  # sliced and unpacked like bytes


def _walk(data: bytes, layout: ifd.Layout) -> None:
    """Along the chain and into the levels that OME-TIFF keeps beside it."""
    seen, waiting = set[int](), [layout.first]
    while waiting:
        offset = waiting.pop()
        if offset in seen:
            refuse_damaged()
        seen.add(offset)
        if len(seen) > _MOST_PAGES:
            raise Unreadable("too-many-pages", f"The TIFF has more than {_MOST_PAGES} pages. Please export one slide.")
        entries, following = ifd.read_directory(data, layout, offset)
        waiting += [following] if following else []
        for tag, entry in entries.items():
            if entry.size > _MOST_TAG_BYTES:
                refuse_damaged()
            if tag < _PRIVATE and entry.start + entry.size > len(data):
                refuse_incomplete()
        if _SUBDIRECTORIES in entries:
            waiting += ifd.integers(data, layout, entries[_SUBDIRECTORIES], _MOST_SUBDIRECTORIES)
