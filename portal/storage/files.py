"""Image files on disk: generated names, written durably before any row names them."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SWEEP_AFTER_SECONDS = 3600


class FileStore:
    """A folder of files in 256 subfolders; a name is 32 hexadecimal digits and an extension."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes, extension: str) -> str:
        """Write `data` so that it survives a power cut, and return its generated name."""
        name = f"{secrets.token_hex(16)}{extension}"
        path = self.path(name)
        _make_folder(path.parent)
        part = path.with_suffix(".part")
        with open(part, "wb", opener=_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        _sync_folder(path.parent)
        return name

    def path(self, name: str) -> Path:
        return self._root / name[:2] / name

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def delete(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def bytes_kept(self) -> int:
        return sum(state.st_size for _, state in self._files())

    def sweep(self, named: set[str], older_than: float = SWEEP_AFTER_SECONDS) -> int:
        """Delete files that no row names; young ones stay, their row may be on its way. Returns how many."""
        cutoff = time.time() - older_than
        orphans = [path for path, state in self._files() if path.name not in named and state.st_mtime < cutoff]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Every file kept, half-written ones too; one that goes while we look is passed over."""
        for path in self._root.glob("??/*"):
            with suppress(FileNotFoundError):
                yield path, path.stat()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """A new name is only on disk once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
