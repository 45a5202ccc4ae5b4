"""A slide of any kind, written once in the form in which it is kept."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from models.slides.layout import TILE, Writer, level_sizes
from models.slides.slide import Slide

QUALITY = 90
_REPORT_S = 0.2
_AHEAD = 4
"""Tiles under way per thread."""

Address = tuple[int, int, int]
"""Level, column, row."""


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A finished tile, and what it gives to the level above."""

    address: Address
    jpeg: bytes
    half: Image.Image


def keep(slide: Slide, path: Path, progress: Callable[[int, int], None]) -> None:
    """Write `slide` to `path`, which appears only when it is whole; memory does not grow with the slide.

    `progress(done, total)` counts tiles of the largest level and is called several times a second; what it raises
    stops the work and leaves nothing behind. Raises Unreadable where the slide turns out to be damaged.
    """
    part = path.with_suffix(".part")
    try:
        with part.open("w+b") as file:
            writer = Writer(file, slide.width, slide.height)
            with _Builder(slide) as builder:
                for made in builder.tiles(progress):
                    writer.add(*made.address, made.jpeg)
            writer.finish(slide.um_per_px)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class _Builder:
    """Makes every tile of every level; a tile above is begun when the up to four below it are finished."""

    def __init__(self, slide: Slide) -> None:
        self._slide = slide
        self._sizes = level_sizes(slide.width, slide.height)
        self._threads = len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="keep")
        self._begun: dict[Address, tuple[Image.Image, int]] = {}
        self._waiting: deque[Future[_Made]] = deque()

    def __enter__(self) -> _Builder:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def tiles(self, progress: Callable[[int, int], None]) -> Iterator[_Made]:
        columns, rows = _grid(self._sizes[0])
        done, total = 0, columns * rows
        leaves = self._row_by_row() if self._slide.in_strips else self._block_by_block((len(self._sizes) - 1, 0, 0))
        while self._refill(leaves):
            while not wait(list(self._waiting)[:1], _REPORT_S).done:
                progress(done, total)
            made = self._waiting.popleft().result()
            self._hand_up(made)
            yield made
            if made.address[0] == 0:
                done += 1
                progress(done, total)

    def _refill(self, leaves: Iterator[Address]) -> bool:
        """Keep every thread busy; whether anything is under way."""
        while len(self._waiting) < self._threads * _AHEAD:
            address = next(leaves, None)
            if address is None:
                break
            self._waiting.append(self._pool.submit(self._read, address))
        return bool(self._waiting)

    def _read(self, address: Address) -> _Made:
        width, height = self._size(address)
        pixels = self._slide.region(0, address[1] * TILE, address[2] * TILE, width, height)
        return _make(address, Image.fromarray(pixels))

    def _hand_up(self, made: _Made) -> None:
        """Put a finished tile, halved, into the one above it; begin that one when it is full."""
        level, column, row = made.address
        if level + 1 == len(self._sizes):
            return
        above = (level + 1, column // 2, row // 2)
        canvas, came = self._begun.pop(above, (Image.new("RGB", self._size(above)), 0))
        canvas.paste(made.half, (column % 2 * TILE // 2, row % 2 * TILE // 2))
        if came + 1 == len(self._below(above)):
            self._waiting.append(self._pool.submit(_make, above, canvas))
        else:
            self._begun[above] = (canvas, came + 1)

    def _size(self, address: Address) -> tuple[int, int]:
        """Pixels of a tile that lie on the slide."""
        level, column, row = address
        width, height = self._sizes[level]
        return min(TILE, width - column * TILE), min(TILE, height - row * TILE)

    def _below(self, address: Address) -> list[Address]:
        level, column, row = address
        columns, rows = _grid(self._sizes[level - 1])
        return [
            (level - 1, x, y)
            for y in range(2 * row, min(2 * row + 2, rows))
            for x in range(2 * column, min(2 * column + 2, columns))
        ]

    def _block_by_block(self, address: Address) -> Iterator[Address]:
        """Tiles of level 0 in squares of squares, so that hardly any tile above is unfinished at a time."""
        if address[0] == 0:
            yield address
            return
        for below in self._below(address):
            yield from self._block_by_block(below)

    def _row_by_row(self) -> Iterator[Address]:
        columns, rows = _grid(self._sizes[0])
        return ((0, column, row) for row in range(rows) for column in range(columns))


def _make(address: Address, tile: Image.Image) -> _Made:
    return _Made(address=address, jpeg=_jpeg(_filled_up(tile)), half=tile.reduce(2))


def _jpeg(tile: Image.Image) -> bytes:
    buffer = BytesIO()
    tile.save(buffer, "JPEG", quality=QUALITY, subsampling="4:4:4")
    return buffer.getvalue()


def _filled_up(tile: Image.Image) -> Image.Image:
    """The tile at its full size, its last column and row repeated: a hard edge would ring into the pixels beside it."""
    if tile.size == (TILE, TILE):
        return tile
    width, height = tile.size
    full = Image.new("RGB", (TILE, TILE))
    full.paste(tile, (0, 0))
    if width < TILE:
        full.paste(tile.crop((width - 1, 0, width, height)).resize((TILE - width, height)), (width, 0))
    if height < TILE:
        full.paste(full.crop((0, height - 1, TILE, height)).resize((TILE, TILE - height)), (0, height))
    return full


def _grid(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // TILE), -(-size[1] // TILE)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
