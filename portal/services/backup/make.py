"""Makes one backup while the portal runs: the rows of one moment first, and then the files that they name.

A file lies there before a row names it and is never changed, so what the rows name is found afterwards; but for what
was deleted meanwhile, which is looked up again in the rows of then.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine

from config import Settings
from portal.services.backup.archive import FILES, FORMAT, HEAD, MODELS, SECRET, SETTINGS, Packer
from portal.services.backup.check import read_archive
from portal.services.backup.sealed import SHORTEST_PASSPHRASE
from portal.services.errors import BackupProblem
from portal.services.jobs.product import MAKING
from portal.services.system import VERSION
from portal.storage import snapshots
from portal.storage.files import Files, FilesUnavailable, sync
from portal.storage.tables.columns import now

SUFFIX = ".backup"
SHORT = ("The passphrase is too short: a backup holds every patient's images. "
         f"Take {SHORTEST_PASSPHRASE} characters or more.")
EXISTS = "{name} is there already, and a backup never overwrites. Choose another name, or give the folder only."
NO_FOLDER = "The folder {name} is not there or cannot be written. Is the disk connected?"
NO_ROOM = "There is too little room: the backup may take {wanted:.1f} GB and {free:.1f} GB are free in {name}."
NOT_MIGRATED = "The database has no tables yet. Start the portal once, then back it up."
STOPPED = "The backup was stopped before its end. Nothing of it was kept."
WRITE = "The backup could not be written: {why}. Nothing of it was kept."
UNREAD = "The stored files cannot be read: {why}. Nothing of the backup was kept."
MISSING_TOLD = 1000


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is backed up: settings, files, the database, and the settings as the operator wrote them."""

    settings: Settings
    store: Files
    engine: Engine
    written: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished backup. `missing` are files that rows name and that are not there."""

    path: Path
    bytes: int
    seconds: float
    rows: int
    files: int
    missing: tuple[str, ...]


def make_backup(source: Source, target: Path, passphrase: str, *, with_secrets: bool = False,
                alive: Callable[[], bool] = lambda: True) -> Made:
    """Write a backup to `target`, or into it where it is a folder. Whole and read back, or not at all.

    `alive` is asked often; once it says no, the backup stops. Raises BackupProblem.
    """
    begun = now()
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise BackupProblem(SHORT)
    path = _path(target, begun)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        _check_room(source, path.parent)
        with _private(part) as out:
            missing = _write(source, out, passphrase, with_secrets, alive)
            out.flush()
            os.fsync(out.fileno())
        manifest = read_archive(part, passphrase)
        size = part.stat().st_size
        _publish(part, path)
    except FilesUnavailable as problem:
        raise BackupProblem(UNREAD.format(why=problem)) from problem
    except OSError as problem:
        raise BackupProblem(WRITE.format(why=problem.strerror or problem)) from problem
    finally:
        part.unlink(missing_ok=True)
    return Made(path=path, bytes=size, seconds=(now() - begun).total_seconds(), files=manifest["files"],
                rows=sum(table["rows"] for table in manifest["tables"].values()), missing=tuple(missing))


def path_in(folder: Path, at: datetime) -> Path:
    """The new file of a backup in a folder, which need not be there: then making it says so."""
    return folder / f"secondread-{at:%Y%m%d-%H%M%S}{SUFFIX}"


def _path(target: Path, at: datetime) -> Path:
    path = path_in(target, at) if target.is_dir() else target
    if path.exists():
        raise BackupProblem(EXISTS.format(name=path.name))
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise BackupProblem(NO_FOLDER.format(name=path.parent))
    return path


def _check_room(source: Source, folder: Path) -> None:
    """Images are compressed already: a backup is as large as what it holds. SQLite is copied first."""
    rows, spare = snapshots.database_bytes(source.engine), source.settings.min_free_bytes
    wanted = {folder: rows + source.store.bytes_kept(), source.settings.instance: rows}
    for where, size in wanted.items():
        free = shutil.disk_usage(where).free - spare
        if free < size:
            raise BackupProblem(NO_ROOM.format(wanted=size / 1e9, free=max(free, 0) / 1e9, name=where))


def _write(source: Source, out: IO[bytes], passphrase: str, with_secrets: bool,
           alive: Callable[[], bool]) -> list[str]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(
            prefix=f"{MAKING}backup-", dir=source.settings.instance)))
        packer = stack.enter_context(closing(Packer(out, passphrase)))
        names = stack.enter_context((folder / "names").open("w+", encoding="utf-8"))
        with snapshots.snapshot(source.engine, folder) as rows:
            manifest = _write_rows(source, packer, rows, names, alive)
        (folder / "snapshot.sqlite3").unlink(missing_ok=True)
        absent = _write_files(source, packer, names, alive)
        _write_models(source.settings.models, packer)
        packer.add_bytes(SETTINGS, "".join(f"{name}={value}\n" for name, value in source.written.items()).encode())
        if with_secrets:
            packer.add_bytes(SECRET, source.settings.secret_key.encode())
        missing = _still_named(source.engine, absent)
        packer.finish({**manifest, "missing": missing[:MISSING_TOLD], "deleted_meanwhile": len(absent) - len(missing),
                       "secrets": with_secrets})
        return missing


def _write_rows(source: Source, packer: Packer, rows: Connection, names: IO[str],
                alive: Callable[[], bool]) -> dict[str, Any]:
    revision = snapshots.revision_of(rows)
    if not revision:
        raise BackupProblem(NOT_MIGRATED)
    head = {"format": FORMAT, "portal": VERSION, "revision": revision, "database": source.engine.dialect.name,
            "made_at": now().isoformat()}
    packer.add_json(HEAD, head)
    chain: dict[str, Any] = {}
    tables = {}
    for name, columns in snapshots.list_tables(rows).items():
        # Closed here: a half-read answer of MariaDB's must be read to its end before its connection is.
        with closing(snapshots.read_rows(rows, name, columns)) as raw:
            tables[name] = packer.add_rows(name, columns, _noting(name, columns, raw, names, chain, alive))
    return {**head, "tables": tables, "numbers": snapshots.highest_numbers(rows), "audit": {"head": head_of(chain)}}


def _noting(name: str, columns: list[str], rows: Iterator[tuple[Any, ...]], names: IO[str], chain: dict[str, Any],
            alive: Callable[[], bool]) -> Iterator[tuple[Any, ...]]:
    """The rows as they are; which files they name, and which audit seal is the last, is noted on the way."""
    for row in rows:
        if not alive():
            raise BackupProblem(STOPPED)
        stored_as = file_of_row(name, dict(zip(columns, row, strict=True)))
        if stored_as:
            names.write(f"{stored_as}\n")
        if name == "audit_seals":
            seal = dict(zip(columns, row, strict=True))
            if seal["number"] > chain.get("number", 0):
                chain.update(number=seal["number"], hash=seal["hash"])
        yield row


def head_of(chain: Mapping[str, Any]) -> str:
    """The audit chain's last seal as `flask audit verify --anchor` takes it; "" before the first."""
    return f"{chain['number']}:{chain['hash']}" if chain else ""


def file_of_row(table: str, row: Mapping[str, Any]) -> str:
    """The file that a row stands for: an image's, or what a job made; "" for none."""
    if table == "images":
        return str(row["stored_as"])
    if table == "jobs" and row["state"] == "done" and row["result"]:
        result = json.loads(row["result"])
        return str(((result or {}).get("file") or {}).get("stored_as") or "")
    return ""


def _write_files(source: Source, packer: Packer, names: IO[str], alive: Callable[[], bool]) -> list[str]:
    """Returns the names of those that are not there."""
    absent = []
    names.seek(0)
    for line in names:
        if not alive():
            raise BackupProblem(STOPPED)
        name = line.strip()
        try:
            file, size = source.store.opened(name)
        except FileNotFoundError:
            absent.append(name)
            continue
        with file:
            packer.add_stream(f"{FILES}{name}", file, size)
    return absent


def _write_models(folder: Path, packer: Packer) -> None:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        with suppress(FileNotFoundError, IsADirectoryError), path.open("rb") as file:
            packer.add_stream(f"{MODELS}{path.relative_to(folder).as_posix()}", file, os.fstat(file.fileno()).st_size)


def _still_named(engine: Engine, absent: list[str]) -> list[str]:
    """Of the files that were not there, those that rows still name: they were not deleted just now, they are lost."""
    if not absent:
        return []
    named = set()
    with engine.connect() as connection:
        for table in ("images", "jobs"):
            columns = ["stored_as"] if table == "images" else ["state", "result"]
            for row in snapshots.read_rows(connection, table, columns):
                named.add(file_of_row(table, dict(zip(columns, row, strict=True))))
    return sorted(set(absent) & named)


def _publish(part: Path, path: Path) -> None:
    """Under its name all at once, and over nobody else's; a stick's file system may know no hard links."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise BackupProblem(EXISTS.format(name=path.name)) from None
    except OSError:
        if path.exists():
            raise BackupProblem(EXISTS.format(name=path.name)) from None
        part.rename(path)
    with suppress(OSError):
        sync(path.parent)


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

