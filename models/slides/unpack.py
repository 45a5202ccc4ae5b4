"""A slide of several files, sent as a ZIP of its folder: unpacked within bounds, and which file to open."""

from __future__ import annotations

import logging
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn
from zipfile import ZipFile, ZipInfo

from models.imaging.errors import Unreadable
from models.slides.limits import SlideLimits

_LOG = logging.getLogger(__name__)
_MOST_FILES = 5_000
_MOST_INDEX_BYTES = 8 << 20
_MOST_NAME = 200
_MOST_RATIO = 200
"""Slides are compressed already: what grows more than this is made to fill a disk."""
_CHUNK = 1 << 20
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ")
_MAIN = (".mrxs", ".vms", ".vmu", ".svs", ".ndpi", ".scn", ".tif", ".tiff", ".bif")
_BROKEN = "The ZIP is damaged. Please pack the slide's folder again."


def unpack(
    zip_path: Path, folder: Path, limits: SlideLimits, progress: Callable[[int, int], None] = lambda done, total: None
) -> Path:
    """Write the files of a ZIP below `folder` (empty, of its own) and return the one that opens the slide.

    `progress(done, total)` counts bytes and may raise to stop. Raises Unreadable; what was written is the caller's to
    remove.
    """
    limits.check_bytes(zip_path.stat().st_size)
    _check_index(zip_path)
    with _damage_told():
        archive = ZipFile(zip_path)
    with archive:
        entries = _entries(archive, limits, zip_path.stat().st_size)
        total, done = sum(entry.file_size for _, entry in entries), 0
        for name, entry in entries:
            for size in _extract(archive, entry, folder.joinpath(*name.parts)):
                done += size
                progress(done, total)
    return _main_file(folder)


@contextmanager
def _damage_told() -> Iterator[None]:
    """Around what a damaged ZIP makes the library raise; it promises no kind."""
    try:
        yield
    except Exception as error:
        _LOG.info("zipfile refuses it: %s", type(error).__name__)
        raise Unreadable("broken", _BROKEN) from error


def _check_index(path: Path) -> None:
    """Refuse an index that would fill the memory when it is read."""
    with path.open("rb") as file:
        start = max(0, file.seek(0, 2) - (1 << 16) - 22)
        file.seek(start)
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) < at + 22:
            raise Unreadable("broken", _BROKEN)
        count, size = struct.unpack_from("<HI", tail, at + 10)
        if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
            file.seek(min(struct.unpack_from("<Q", tail, at - 12)[0], start + at))
            record = file.read(56)
            if len(record) < 56 or not record.startswith(b"PK\x06\x06"):
                raise Unreadable("broken", _BROKEN)
            count, size = struct.unpack_from("<QQ", record, 32)
    if count > _MOST_FILES or size > _MOST_INDEX_BYTES:
        raise Unreadable("unsupported", f"The ZIP holds more than {_MOST_FILES} files. Please pack only the slide.")


def _entries(archive: ZipFile, limits: SlideLimits, size: int) -> list[tuple[PurePosixPath, ZipInfo]]:
    """The files to write, each with where; refuses what is dangerous before anything is written."""
    found: dict[PurePosixPath, ZipInfo] = {}
    for entry in archive.infolist():
        name = PurePosixPath(entry.filename)
        if not name.parts or entry.is_dir() or any(part in _JUNK or part.startswith("._") for part in name.parts):
            continue
        _check_entry(entry, name)
        if name in found:
            _refuse("two files of one name")
        found[name] = entry
    if any(above in found for name in found for above in name.parents):
        _refuse("a file and a folder of one name")
    declared = sum(entry.file_size for entry in found.values())
    limits.check_bytes(declared)
    if declared > size * _MOST_RATIO:
        _refuse("files that unpack to far more than a slide would")
    return list(found.items())


def _check_entry(entry: ZipInfo, name: PurePosixPath) -> None:
    parts = name.parts
    if name.is_absolute() or ".." in parts or "\\" in entry.filename or ":" in parts[0]:
        _refuse("names that lead out of its folder")
    if any(len(part.encode()) > _MOST_NAME for part in parts) or len(parts) > 8:
        _refuse("names that are too long")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        _refuse("links or devices")
    if entry.flag_bits & 1:
        _refuse("files under a password")


def _extract(archive: ZipFile, entry: ZipInfo, target: Path) -> Iterator[int]:
    """Write one file; the sizes of its pieces as they are written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with _damage_told():
        source = archive.open(entry)
    with source, target.open("xb") as file:
        while piece := _read(source):
            if not written and piece.startswith(_ARCHIVES):
                _refuse("another archive")
            written += len(piece)
            if written > entry.file_size:
                raise Unreadable("broken", _BROKEN)
            file.write(piece)
            yield len(piece)


def _read(source: IO[bytes]) -> bytes:
    with _damage_told():
        return source.read(_CHUNK)


def _main_file(folder: Path) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for suffix in _MAIN:
        mains = [path for path in files if path.suffix.lower() == suffix]
        if len(mains) == 1:
            return mains[0]
        if mains:
            _refuse("several slides")
    instances = [path for path in files if _is_dicom(path)]
    if not instances:
        raise Unreadable("not-a-slide", "There is no slide in this ZIP. Please pack the folder of one slide.")
    # The largest is of the level with most pixels; openslide finds the others of its series beside it.
    return max(instances, key=lambda path: path.stat().st_size)


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _refuse(what: str) -> NoReturn:
    raise Unreadable("unsupported", f"The ZIP holds {what}. Please pack the folder of one slide again.")
