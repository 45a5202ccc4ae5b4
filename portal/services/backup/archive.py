"""What lies in a backup: a tar inside the seal, and how it is written and walked through with little memory.

`head.json` first; `rows/<table>/<number>.jsonl.gz`, whose first line names the columns; `files/<name>`;
`models/<name>`; `settings.env`; `secret.key` where asked for; `sums.txt`, a line of sha256, bytes and name for each
of these; and `manifest.json`, which says how many of everything there are.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from portal.services.backup.sealed import CUT, DAMAGED, SealedReader, SealedWriter
from portal.services.backup.sums import TableSum, line_of, portable
from portal.services.errors import BackupProblem

FORMAT = 1
PART_BYTES = 2 * 2**20
PIECE = 2**20
HEAD, SUMS, MANIFEST, SETTINGS, SECRET = "head.json", "sums.txt", "manifest.json", "settings.env", "secret.key"
ROWS, FILES, MODELS = "rows/", "files/", "models/"


class Changed(OSError):
    """A file was not as long as it said it was."""


class Counted:
    """Hands a file on piece by piece, exactly as long as it said it was, and adds up its sha256."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source, self._left, self._sum = source, size, hashlib.sha256()

    def read(self, size: int = PIECE) -> bytes:
        data = self._source.read(min(size, self._left))
        if not data and self._left and size:
            raise Changed("a file became shorter while it was read")
        self._left -= len(data)
        self._sum.update(data)
        return data

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()


class Packer:
    """Writes the members of an archive and notes what each of them is."""

    def __init__(self, out: IO[bytes], passphrase: str) -> None:
        self._sealed = SealedWriter(out, passphrase)
        self._tar = tarfile.open(fileobj=cast(Any, self._sealed), mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._sums = tempfile.TemporaryFile()  # noqa: SIM115
        self.files = self.file_bytes = 0

    def add_bytes(self, name: str, data: bytes) -> None:
        self.add_stream(name, io.BytesIO(data), len(data))

    def add_json(self, name: str, held: dict[str, Any]) -> None:
        self.add_bytes(name, json.dumps(held, indent=1, ensure_ascii=False).encode())

    def add_stream(self, name: str, source: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        counted = Counted(source, size)
        self._tar.addfile(member, cast(IO[bytes], counted))
        # tarfile remembers every member; of millions that would be too many.
        vars(self._tar)["members"] = []
        self._sums.write(f"{counted.sha256} {size} {name}\n".encode())
        if name.startswith((FILES, MODELS)):
            self.files, self.file_bytes = self.files + 1, self.file_bytes + size

    def add_rows(self, table: str, columns: list[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
        """All rows of a table, in parts of some MB. Returns what the manifest says of it."""
        total, part, held, size = TableSum(), 0, [line_of(columns)], 0
        for row in rows:
            values = [portable(value) for value in row]
            line = line_of(values)
            total.add(values, line)
            held.append(line)
            size += len(line)
            if size >= PART_BYTES:
                self._add_part(table, part, held)
                part, held, size = part + 1, held[:1], 0
        if len(held) > 1 or not part:
            self._add_part(table, part, held)
        return {"columns": columns, **total.told()}

    def finish(self, manifest: dict[str, Any]) -> None:
        length = self._sums.tell()
        self._sums.seek(0)
        self.add_stream(SUMS, self._sums, length)
        self.add_json(MANIFEST, {**manifest, "files": self.files, "file_bytes": self.file_bytes})
        self._tar.close()
        self._sealed.finish()
        self.close()

    def close(self) -> None:
        self._sums.close()

    def _add_part(self, table: str, part: int, lines: list[str]) -> None:
        packed = gzip.compress("\n".join(lines).encode(), compresslevel=3, mtime=0)
        self.add_bytes(f"{ROWS}{table}/{part:06d}.jsonl.gz", packed)


def walk(path: Path, passphrase: str) -> Iterator[tuple[str, Counted, int]]:
    """Every member with its name, content and size, in order; content not asked for is read here.

    Checks each against `sums.txt`, and the whole for its end. Raises BackupProblem.
    """
    with path.open("rb") as file, tempfile.TemporaryFile() as seen:
        sealed = SealedReader(file, passphrase)
        try:
            with tarfile.open(fileobj=cast(Any, sealed), mode="r|", bufsize=PIECE) as tar:
                for member in tar:
                    vars(tar)["members"] = []
                    content = Counted(cast(IO[bytes], tar.extractfile(member)), member.size)
                    if member.name == SUMS:
                        _compare(content, seen)
                    yield member.name, content, member.size
                    while content.read():
                        pass
                    seen.write(f"{content.sha256} {member.size} {member.name}\n".encode())
            sealed.drain()
        except (tarfile.TarError, Changed, EOFError) as problem:
            raise BackupProblem(CUT) from problem


def rows_of(content: Counted) -> Iterator[tuple[str, list[Any]]]:
    """The lines of a part and their values, that with the columns' names first."""
    packed = b"".join(iter(content.read, b""))
    for line in gzip.decompress(packed).decode().split("\n"):
        yield line, json.loads(line)


def _compare(content: Counted, seen: IO[bytes]) -> None:
    """What the archive says of its members beside what they were."""
    length = seen.tell()
    seen.seek(0)
    while said := content.read():
        if said != seen.read(len(said)):
            raise BackupProblem(DAMAGED)
    if seen.tell() != length:
        raise BackupProblem(DAMAGED)
