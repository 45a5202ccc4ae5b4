"""Copies of distant files on this machine, within a limit; shared by every process that serves here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from itertools import islice
from pathlib import Path
from typing import IO

from portal.storage.files import SWEEP_AFTER_SECONDS, files_below, make_folder, sync

IN_USE_SECONDS = 900
ASKED_AT_ONCE = 500

Source = Callable[[], tuple[int, Iterable[bytes]]]
"""Asks for a file: its size in bytes, and its content in pieces."""


class FileCache:
    """The files used last. Whole ones only: a copy gets its name when it is complete and on the disk.

    A file asked for within the last quarter of an hour is taken to be in use and stays, even over the limit. When
    a file was used last is its time of modification, so nothing is lost with a process.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit

    def held(self, name: str) -> Path | None:
        """The copy, in use from now on, if there is one."""
        path = self._path(name)
        with self._alone():
            try:
                os.utime(path)
            except FileNotFoundError:
                return None
        return path

    def fetched(self, name: str, source: Source) -> Path:
        """The copy, made now if there is none. Whoever asks for the same file meanwhile waits for this one."""
        with self._part(name) as part:
            held = self.held(name)
            if held:
                return held
            size, pieces = source()
            self._make_room(size)
            if sum(part.write(piece) for piece in pieces) != size:
                raise OSError(f"{name} came incomplete")
            part.flush()
            os.fsync(part.fileno())
            return self._admitted(self._part_path(name), name)

    def opened(self, name: str) -> IO[bytes] | None:
        """The copy, if there is one, for somebody who reads it once: that is no use that should keep it here."""
        try:
            return self._path(name).open("rb")
        except FileNotFoundError:
            return None

    def take(self, name: str, path: Path) -> None:
        """Keep a finished file of this machine as the copy; one that cannot be moved here is only removed."""
        sync(path)
        self._make_room(path.stat().st_size)
        try:
            path.chmod(0o600)
            os.utime(path)
            self._admitted(path, name)
        except OSError:
            path.unlink(missing_ok=True)

    def drop(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def keep_only(self, named: set[str]) -> None:
        """Forget what no row names any more, and what a killed process left half-fetched."""
        cutoff = time.time() - SWEEP_AFTER_SECONDS
        for path, state in files_below(self._folder):
            if path.name not in named and state.st_mtime < cutoff:
                path.unlink(missing_ok=True)
        for part in (self._folder / "parts").glob("*"):
            if part.stat().st_mtime < cutoff:
                part.unlink(missing_ok=True)

    def forget(self, still_named: Callable[[list[str]], set[str]]) -> int:
        """Of the copies not used for an hour, those that are not named any more. Returns how many."""
        cutoff = time.time() - SWEEP_AFTER_SECONDS
        unused, gone = (path.name for path, state in files_below(self._folder) if state.st_mtime < cutoff), 0
        while some := list(islice(unused, ASKED_AT_ONCE)):
            for name in set(some) - still_named(some):
                self.drop(name)
                gone += 1
        return gone

    def _make_room(self, size: int) -> None:
        """Delete what was used longest ago until `size` more bytes fit, or only files in use are left."""
        oldest_in_use = time.time() - IN_USE_SECONDS
        with self._alone():
            copies = sorted((state.st_mtime, state.st_size, path) for path, state in files_below(self._folder))
            kept = sum(one for _, one, _ in copies)
            for used, freed, path in copies:
                if kept + size <= self._limit or used > oldest_in_use:
                    return
                path.unlink(missing_ok=True)
                kept -= freed

    def _admitted(self, path: Path, name: str) -> Path:
        target = self._path(name)
        make_folder(target.parent)
        path.rename(target)
        return target

    @contextmanager
    def _part(self, name: str) -> Iterator[IO[bytes]]:
        """The unfinished copy, empty and this caller's alone; gone with the block unless it got its name there."""
        path = self._part_path(name)
        make_folder(path.parent)
        while True:
            with open(path, "ab", opener=_private) as part:
                flock(part, LOCK_EX)
                if not _is_at(path, part):
                    continue
                part.truncate(0)
                try:
                    yield part
                finally:
                    if _is_at(path, part):
                        path.unlink()
                return

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody on this machine marks or deletes a copy meanwhile."""
        make_folder(self._folder)
        with open(self._folder / "lock", "wb", opener=_private) as lock:
            flock(lock, LOCK_EX)
            yield

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _part_path(self, name: str) -> Path:
        return self._folder / "parts" / name


def _is_at(path: Path, file: IO[bytes]) -> bool:
    """Whether the open file is still the one of this name."""
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
