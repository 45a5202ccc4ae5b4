"""Files beside the database: generated names, written durably before any row names them."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

SWEEP_AFTER_SECONDS = 3600


class FilesUnavailable(OSError):
    """The place where files are kept does not answer or refuses; no word about whether a file is there."""


class Files(Protocol):
    """Where files are kept. A name is 32 hexadecimal digits and an extension; content never changes.

    Everything raises FilesUnavailable when the place does not answer, and another OSError when the disk here fails.
    """

    def check(self) -> None:
        """See that a file could be kept now."""

    def put(self, data: bytes, extension: str) -> str:
        """Keep `data` so that it survives a power cut, and return its generated name."""

    def put_file(self, path: Path, extension: str) -> str:
        """The same for a finished file of any size on this machine, which is gone afterwards."""

    def put_back(self, path: Path, name: str) -> None:
        """Keep a finished file under the name that it had: a restored one, which is gone at `path` afterwards."""

    def is_empty(self) -> bool:
        """Whether nothing is kept here."""

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError."""

    def local(self, name: str) -> Path:
        """The file as one on this machine, to be opened soon and not to be changed. May raise FileNotFoundError.

        Who works on it for longer asks again every few minutes: so it is known to be in use.
        """

    def opened(self, name: str) -> tuple[IO[bytes], int]:
        """The file for one reading from its beginning, and its size; it takes no room here. May raise
        FileNotFoundError.
        """

    def delete(self, name: str) -> None:
        """Forget the file, if it is there."""

    def bytes_kept(self) -> int:
        """Looks at every file: slow where there are many."""

    def sweep(self, named: set[str], older_than: float = SWEEP_AFTER_SECONDS) -> int:
        """Delete files that no row names; young ones stay, their row may be on its way. Returns how many."""

    def forget_copies(self, still_named: Callable[[list[str]], set[str]]) -> int:
        """Forget copies on this machine, not used for an hour, of what another deleted. `still_named` says of some
        hundred names which there are. Returns how many.
        """


class FileStore:
    """Files in a folder of this machine, spread over 256 subfolders."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def check(self) -> None:
        make_folder(self._root)

    def put(self, data: bytes, extension: str) -> str:
        name = new_name(extension)
        part = self._part(name)
        with open(part, "wb", opener=_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return self._finished(part, name)

    def put_file(self, path: Path, extension: str) -> str:
        name = new_name(extension)
        part = self._part(name)
        shutil.move(path, part)
        part.chmod(0o600)
        # The sweeper tells by the age whether a row may still come, and this file may have been long in the making.
        os.utime(part)
        sync(part)
        return self._finished(part, name)

    def put_back(self, path: Path, name: str) -> None:
        part = self._part(name)
        shutil.move(path, part)
        sync(part)
        self._finished(part, name)

    def is_empty(self) -> bool:
        return next(files_below(self._root), None) is None

    def read(self, name: str) -> bytes:
        return self.local(name).read_bytes()

    def local(self, name: str) -> Path:
        return self._root / name[:2] / name

    def opened(self, name: str) -> tuple[IO[bytes], int]:
        file = self.local(name).open("rb")
        return file, os.fstat(file.fileno()).st_size

    def delete(self, name: str) -> None:
        self.local(name).unlink(missing_ok=True)

    def bytes_kept(self) -> int:
        return sum(state.st_size for _, state in files_below(self._root))

    def sweep(self, named: set[str], older_than: float = SWEEP_AFTER_SECONDS) -> int:
        cutoff = time.time() - older_than
        orphans = [path for path, state in files_below(self._root)
                   if path.name not in named and state.st_mtime < cutoff]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def forget_copies(self, still_named: Callable[[list[str]], set[str]]) -> int:
        """Here are no copies: what lies here is the file itself."""
        return 0

    def _part(self, name: str) -> Path:
        path = self.local(name)
        make_folder(path.parent)
        return path.with_suffix(".part")

    def _finished(self, part: Path, name: str) -> str:
        part.rename(self.local(name))
        sync(part.parent)
        return name


def new_name(extension: str) -> str:
    return f"{secrets.token_hex(16)}{extension}"


def files_below(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file in the subfolders, half-written ones too; one that goes while we look is passed over."""
    for path in root.glob("??/*"):
        with suppress(FileNotFoundError):
            yield path, path.stat()


def make_folder(folder: Path) -> None:
    """A private folder that survives a power cut."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
