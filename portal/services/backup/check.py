"""Reads a backup through and says whether all of it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from portal.services.backup.archive import (
    FILES,
    FORMAT,
    HEAD,
    MANIFEST,
    MODELS,
    ROWS,
    SECRET,
    SETTINGS,
    Counted,
    rows_of,
    walk,
)
from portal.services.backup.sealed import DAMAGED, NEWER
from portal.services.backup.sums import TableSum
from portal.services.errors import BackupProblem

NO_FILE = "There is no such file. Check its name and whether the disk it lies on is connected."


class Receiver(Protocol):
    """Who takes what is read; everything was authenticated, and is compared with the manifest at the end."""

    def begin(self, head: dict[str, Any]) -> None: ...
    def rows(self, table: str, columns: list[str], rows: Iterator[list[Any]]) -> None: ...
    def file(self, name: str, content: Counted) -> None: ...
    def model(self, name: str, content: Counted) -> None: ...
    def settings(self, name: str, content: bytes) -> None: ...


@dataclass
class _Seen:
    tables: dict[str, TableSum] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    files: int = 0
    file_bytes: int = 0


def read_archive(path: Path, passphrase: str, receiver: Receiver | None = None) -> dict[str, Any]:
    """Read all of it, hand it to `receiver`, and return the manifest. Raises BackupProblem."""
    seen, manifest = _Seen(), None
    try:
        for name, content, size in walk(path, passphrase):
            if name == MANIFEST:
                manifest = json.loads(_whole(content))
            else:
                _take(seen, receiver, name, content, size)
    except FileNotFoundError:
        raise BackupProblem(NO_FILE) from None
    except ValueError as problem:
        raise BackupProblem(DAMAGED) from problem
    if manifest is None or not _same(seen, manifest):
        raise BackupProblem(DAMAGED)
    return dict(manifest)


def _take(seen: _Seen, receiver: Receiver | None, name: str, content: Counted, size: int) -> None:
    if name == HEAD:
        head = json.loads(_whole(content))
        if head["format"] > FORMAT:
            raise BackupProblem(NEWER)
        if receiver:
            receiver.begin(head)
    elif name.startswith(ROWS):
        _take_rows(seen, receiver, name.split("/")[1], content)
    elif name.startswith((FILES, MODELS)):
        seen.files, seen.file_bytes = seen.files + 1, seen.file_bytes + size
        if receiver:
            kind, _, rest = name.partition("/")
            (receiver.file if f"{kind}/" == FILES else receiver.model)(rest, content)
    elif name in (SETTINGS, SECRET) and receiver:
        receiver.settings(name, _whole(content))


def _take_rows(seen: _Seen, receiver: Receiver | None, table: str, content: Counted) -> None:
    lines = rows_of(content)
    columns = next(lines)[1]
    total = seen.tables.setdefault(table, TableSum())
    seen.columns[table] = columns

    def added() -> Iterator[list[Any]]:
        for line, values in lines:
            total.add(values, line)
            yield values

    rows = added()
    if receiver:
        receiver.rows(table, columns, rows)
    for _ in rows:
        pass


def _same(seen: _Seen, manifest: dict[str, Any]) -> bool:
    tables = {name: {"columns": seen.columns[name], **total.told()} for name, total in seen.tables.items()}
    return bool(tables == manifest["tables"] and seen.files == manifest["files"]
                and seen.file_bytes == manifest["file_bytes"])


def _whole(content: Counted) -> bytes:
    return b"".join(iter(content.read, b""))
