"""Files on their way in: a name of our own each, every piece on the disk before anybody is told that it is here."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

EXTENSION = ".part"


class Incoming:
    """A folder of unfinished files and of work folders; neither is an image yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self) -> str:
        """A new, empty file; its generated name."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{secrets.token_hex(16)}{EXTENSION}"
        os.close(os.open(self.path(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return name

    def path(self, name: str) -> Path:
        return self._folder / name

    def length(self, name: str) -> int:
        """Bytes on the disk; 0 when there is no such file."""
        with suppress(FileNotFoundError):
            return self.path(name).stat().st_size
        return 0

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Nobody else on this machine writes to this file meanwhile. Raises FileNotFoundError."""
        with self.path(name).open("rb") as file:
            flock(file, LOCK_EX)
            yield

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Put `data` at `offset`, which becomes the end of what is kept from before, and bring it to the disk."""
        with self.path(name).open("r+b") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def head(self, name: str, length: int) -> bytes:
        with self.path(name).open("rb") as file:
            return file.read(length)

    def delete(self, name: str) -> None:
        """The file, and what was made of it on the way."""
        self.path(name).unlink(missing_ok=True)
        self.clear_work_folder(name)

    def work_folder(self, name: str) -> Path:
        """An empty folder beside the file, for its parts and for what is made of it."""
        folder = self._work_path(name)
        self.clear_work_folder(name)
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def clear_work_folder(self, name: str) -> None:
        shutil.rmtree(self._work_path(name), ignore_errors=True)

    def free_bytes(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(self._folder).free

    def sweep(self, named: set[str], older_than: float) -> int:
        """Delete what no row names and nobody has written to for so many seconds. Returns how many."""
        cutoff, gone = time.time() - older_than, 0
        stems = {Path(name).stem for name in named}
        for path in self._folder.glob("*"):
            with suppress(FileNotFoundError):
                if path.suffix in (EXTENSION, ".work") and path.stem not in stems and path.stat().st_mtime < cutoff:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    gone += 1
        return gone

    @contextmanager
    def one_at_a_time(self) -> Iterator[bool]:
        """Whether the caller is the only one on this machine that looks after this folder now."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("ab") as lock:
            try:
                flock(lock, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def _work_path(self, name: str) -> Path:
        return (self._folder / name).with_suffix(".work")
