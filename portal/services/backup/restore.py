"""Puts a backup into an empty place: read through first, then loaded and compared, and the database moved in last.

While it goes on, `restoring` lies in the instance folder. The portal does not start then (`refuse_half`), so whatever
is there belongs to the interrupted restore, and `start_over` may take it away: in the database and the place for files
that the restore noted, and nowhere else, for the settings may have changed since. Files go to their place one by one:
what an object storage keeps need not fit on this machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from portal.services.backup.archive import SECRET, Counted
from portal.services.backup.check import read_archive
from portal.services.backup.sealed import DAMAGED, NEWER
from portal.services.backup.sums import TableSum, line_of, native, portable
from portal.services.errors import BackupProblem
from portal.storage import restoring, snapshots
from portal.storage.files import Files, FilesUnavailable, make_folder, sync

FOLDER = "restoring"
WHERE = "where"
"""In that folder: which database and which place for files are being filled. Nothing else may be taken away."""
WRITTEN = "settings-of-the-backup.env"
NOT_EMPTY = ("There is something here already ({what}), and a restore never overwrites. Restore into a new, empty "
             "folder and database: set PORTAL_INSTANCE and DATABASE_URL to them.")
INTERRUPTED = ("A restore into this place was interrupted, and nothing of it can be used. Run the same restore again "
               "with --start-over: it takes away what the interrupted one left, and begins anew.")
DIFFERENT = "The rows that were restored are not those of the backup (table {table}). Nothing was kept."
REFUSED = "The database refused what was to be restored: {why}. Nothing was kept."
WRITE = "The disk could not be written: {why}. Nothing was kept."
AWAY = "The stored files are not within reach: {why}. {then}"
NOTHING_KEPT = "Nothing was kept."
ELSEWHERE = ("The interrupted restore went into {then}, and the settings name {today} now. Set DATABASE_URL and "
             "PORTAL_FILES as they were then, and run it again with --start-over. Nothing was changed.")
TAKE_AWAY = "What was restored until then is still there: run the same restore again with --start-over once they are."
ALL = -86_400.0
"""An age that everything has, whatever clock the storage goes by."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a backup is restored to."""

    settings: Settings
    store: Files
    engine: Engine

    @property
    def folder(self) -> Path:
        return self.settings.instance / FOLDER

    @property
    def sqlite(self) -> Path | None:
        """The database's file, where it is one."""
        return Path(str(self.engine.url.database)) if self.engine.dialect.name == "sqlite" else None


def refuse_half(settings: Settings) -> None:
    """Raises BackupProblem where a restore was interrupted."""
    if (settings.instance / FOLDER).exists():
        raise BackupProblem(INTERRUPTED)


def restore(place: Place, archive: Path, passphrase: str, start_over: bool = False) -> dict[str, Any]:
    """Fill the empty place, or leave it empty. Returns the backup's manifest. Raises BackupProblem."""
    try:
        return _restore(place, archive, passphrase, start_over)
    except FilesUnavailable as problem:
        then = TAKE_AWAY if place.folder.exists() else NOTHING_KEPT
        raise BackupProblem(AWAY.format(why=problem, then=then)) from problem


def _restore(place: Place, archive: Path, passphrase: str, start_over: bool) -> dict[str, Any]:
    interrupted = start_over and place.folder.exists()
    if interrupted:
        _refuse_elsewhere(place)
    else:
        refuse_half(place.settings)
        _refuse_used(place)
    manifest = read_archive(archive, passphrase)
    if not restoring.is_known(manifest["revision"]):
        raise BackupProblem(NEWER)
    if interrupted:
        _clear(place)
        _refuse_used(place)
    place.folder.mkdir(mode=0o700)
    try:
        _note_where(place)
        _load(place, archive, passphrase, manifest)
    except BaseException as problem:
        _take_away(place)
        if isinstance(problem, SQLAlchemyError):
            raise BackupProblem(REFUSED.format(why=problem.__cause__ or problem)) from problem
        if isinstance(problem, OSError) and not isinstance(problem, FilesUnavailable):
            raise BackupProblem(WRITE.format(why=problem.strerror or problem)) from problem
        raise
    _unmark(place)
    return manifest


def _refuse_elsewhere(place: Place) -> None:
    """Raises BackupProblem where the interrupted restore filled another place, or noted none and this one is used."""
    noted = place.folder / WHERE
    if not noted.exists():
        _refuse_used(place)
    elif (then := noted.read_text(encoding="utf-8")) != where_of(place):
        raise BackupProblem(ELSEWHERE.format(then=then, today=where_of(place)))


def _clear(place: Place) -> None:
    """Take away what the interrupted restore left; one that noted nothing had begun nothing."""
    if (place.folder / WHERE).exists():
        _take_away(place)
    else:
        shutil.rmtree(place.folder)


def _note_where(place: Place) -> None:
    part = place.folder / f"{WHERE}.part"
    part.write_text(where_of(place), encoding="utf-8")
    sync(part)
    part.rename(place.folder / WHERE)
    sync(place.folder)


def where_of(place: Place) -> str:
    """The database, without its password, and where files are kept."""
    url = place.engine.url.set(password=None).difference_update_query(["password", "passwd"])
    database = str(place.sqlite.resolve()) if place.sqlite else url.render_as_string()
    away = place.settings.object_storage
    files = f"{away.endpoint}/{away.bucket}/{away.prefix}" if away else str(place.settings.files.resolve())
    return f"{database} and {files}"


def _unmark(place: Place) -> None:
    """In one step: a marker whose note were gone already would belong to a restore that had begun nothing."""
    done = place.folder.with_name(f"{FOLDER}-done")
    shutil.rmtree(done, ignore_errors=True)
    place.folder.rename(done)
    sync(place.settings.instance)
    shutil.rmtree(done)


def _refuse_used(place: Place) -> None:
    used = [] if place.store.is_empty() else ["images"]
    if place.settings.models.is_dir() and any(place.settings.models.iterdir()):
        used.append("models")
    if place.sqlite is None or place.sqlite.exists():
        with snapshots.patient(place.engine.url).connect() as connection:
            used += [] if restoring.is_empty(connection) else ["a database with tables"]
    if used:
        raise BackupProblem(NOT_EMPTY.format(what=", ".join(used)))


def _load(place: Place, archive: Path, passphrase: str, manifest: dict[str, Any]) -> None:
    beside = place.folder / "database.sqlite3"
    url = place.engine.url if place.sqlite is None else URL.create("sqlite", database=str(beside))
    engine = snapshots.patient(url)
    with engine.connect() as connection:
        restoring.without_references(connection)
        loader = _Loader(place, connection)
        read_archive(archive, passphrase, loader)
        _compare(connection, manifest)
        # Backups from before this have no numbers: there each table goes on after its rows.
        restoring.count_on(connection, manifest.get("numbers", {}))
        restoring.bring_triggers_back(connection, loader.triggers)
        if place.sqlite is not None:
            restoring.finish_sqlite(connection)
    engine.dispose()
    _move_in(place, loader, beside)


def _compare(connection: Connection, manifest: dict[str, Any]) -> None:
    """Read every row back. MariaDB and SQLite keep some values differently, so between them it is the rough sum."""
    way = "exact" if connection.dialect.name == manifest["database"] else "rough"
    for name, said in manifest["tables"].items():
        total = TableSum()
        for row in snapshots.read_rows(connection, name, said["columns"]):
            values = [portable(value) for value in row]
            total.add(values, line_of(values))
        found = total.told()
        if (found["rows"], found[way]) != (said["rows"], said[way]):
            raise BackupProblem(DIFFERENT.format(table=name))
    connection.rollback()


@dataclass
class _Loader:
    """Takes what the archive holds: rows into the database, files to where files are kept, the rest beside."""

    place: Place
    connection: Connection
    triggers: list[str] = field(default_factory=list)
    secret: bytes = b""

    def begin(self, head: dict[str, Any]) -> None:
        restoring.create_tables(self.connection, head["revision"])
        self.triggers = restoring.take_triggers_away(self.connection)
        restoring.without_references(self.connection)

    def rows(self, table: str, columns: list[str], rows: Iterator[list[Any]]) -> None:
        restoring.add_rows(self.connection, table, columns, ([native(value) for value in row] for row in rows))

    def file(self, name: str, content: Counted) -> None:
        self.place.store.put_back(self._write(self.place.folder / "files", name, content), name)

    def model(self, name: str, content: Counted) -> None:
        self._write(self.place.folder / "models", name, content)

    def settings(self, name: str, content: bytes) -> None:
        if name == SECRET:
            self.secret = content
        else:
            path = self.place.folder / WRITTEN
            path.touch(mode=0o600)
            path.write_bytes(content)

    def _write(self, folder: Path, name: str, content: Counted) -> Path:
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BackupProblem(DAMAGED)
        make_folder(path.parent)
        path.touch(mode=0o600)
        with path.open("wb") as out:
            while data := content.read():
                out.write(data)
        return path


def _move_in(place: Place, loader: _Loader, beside: Path) -> None:
    """What is left beside, the database last, as everywhere."""
    if (place.folder / "models").is_dir():
        if place.settings.models.is_dir():
            place.settings.models.rmdir()
        (place.folder / "models").rename(place.settings.models)
    (place.folder / WRITTEN).replace(place.settings.instance / WRITTEN)
    if loader.secret:
        path = place.folder / "secret.key"
        path.touch(mode=0o600)
        path.write_bytes(loader.secret)
        path.replace(place.settings.instance / "secret.key")
    if place.sqlite is not None:
        restoring.remove_sqlite(place.sqlite)
        sync(beside)
        beside.rename(place.sqlite)
        sync(place.sqlite.parent)


def _take_away(place: Place) -> None:
    """Make the place as empty as it was. Raises FilesUnavailable, and stays unfinished, while the files are away."""
    if place.sqlite is not None:
        restoring.remove_sqlite(place.sqlite)
    else:
        with snapshots.patient(place.engine.url).connect() as connection:
            restoring.drop_all(connection)
    place.store.sweep(set(), older_than=ALL)
    shutil.rmtree(place.settings.models, ignore_errors=True)
    (place.settings.instance / WRITTEN).unlink(missing_ok=True)
    shutil.rmtree(place.folder, ignore_errors=True)
