"""The backup of every day: who makes it, how many are kept, and how the last ones went."""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config import Settings
from portal.extensions import db
from portal.services.backup.make import SUFFIX, Made, Source, make_backup, path_in
from portal.services.errors import BackupProblem
from portal.storage import backups
from portal.storage.files import Files
from portal.storage.tables.columns import AHEAD, now

log = logging.getLogger("portal.backup")

SILENT = timedelta(minutes=10)
AGAIN = timedelta(hours=1)
SAY_EVERY = timedelta(seconds=30)
LATE = timedelta(hours=36)
"""After so long without a good one the administration's page says so in red."""
OURS = re.compile(rf"secondread-\d{{8}}-\d{{6}}{re.escape(SUFFIX)}", re.ASCII)
UNFINISHED = re.compile(rf"\.secondread-\d{{8}}-\d{{6}}{re.escape(SUFFIX)}\.[0-9a-f]{{8}}\.part", re.ASCII)
UNFORESEEN = "It failed for a reason that is not foreseen. The worker's log has it under the number {number}."


@dataclass(frozen=True, kw_only=True)
class LastBackup:
    """How the daily backups stand. `late`: there should be a newer one; `reason`: why the last one failed, if it did.

    Times are UTC without a zone; `size` in bytes.
    """

    configured: bool
    ended_at: datetime | None = None
    name: str = ""
    size: int = 0
    seconds: float = 0.0
    missing: int = 0
    failed_at: datetime | None = None
    reason: str = ""
    late: bool = False


def last_backup(settings: Settings, at: datetime | None = None) -> LastBackup:
    """For the administration's page and for metrics."""
    moment = at or now()
    done, failed = (backups.find_last(state, moment + AHEAD) for state in ("done", "failed"))
    recent = failed if failed and not (done and done.started_at > failed.started_at) else None
    late = settings.backup_folder is not None and (
        done is None or done.ended_at is None or moment - done.ended_at > LATE)
    state = LastBackup(configured=settings.backup_folder is not None, late=late,
                       failed_at=recent.ended_at if recent else None, reason=recent.reason if recent else "")
    return replace(state, ended_at=done.ended_at, name=done.name, size=done.size, seconds=done.seconds,
                   missing=done.missing) if done else state


def due_day(settings: Settings, local: datetime) -> str:
    """The day, by the machine's own clock, whose backup should be made now; "" before the hour has come."""
    return local.date().isoformat() if settings.backup_folder and local.hour >= settings.backup_hour else ""


class Keeper:
    """One worker process's part in the daily backup: looks now and then, and makes it beside the jobs."""

    def __init__(self, settings: Settings, store: Files, context: Callable[[], AbstractContextManager[object]],
                 written: Callable[..., Mapping[str, str]], stopping: Callable[[], bool]) -> None:
        self._settings, self._store, self._context = settings, store, context
        self._written, self._stopping = written, stopping
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begin today's backup where it is due and nobody makes it. Cheap; within an application context."""
        day = due_day(self._settings, now().replace(tzinfo=UTC).astimezone())
        if not day or (self._thread and self._thread.is_alive()):
            return
        token, at = secrets.token_hex(16), now()
        if backups.claim(day, token, at, silent_since=at - SILENT, failed_before=at - AGAIN):
            self._thread = threading.Thread(target=self.make, args=(day, token), name="backup", daemon=True)
            self._thread.start()

    def make(self, day: str, token: str) -> None:
        """Make the day's backup, which was claimed with this token, and note what became of it."""
        with self._context():
            try:
                values = self._made(day, token)
            except BackupProblem as problem:
                log.error("the backup of %s failed: %s", day, problem)
                values = {"state": "failed", "reason": str(problem)}
            except Exception:
                number = secrets.token_hex(4)
                log.exception("error %s: the backup of %s failed", number, day)
                values = {"state": "failed", "reason": UNFORESEEN.format(number=number)}
            db.session.rollback()
            backups.write_while_held(day, token, ended_at=now(), **values)

    def _made(self, day: str, token: str) -> dict[str, object]:
        folder = self._settings.backup_folder
        assert folder is not None
        source = Source(settings=self._settings, store=self._store, engine=db.engine,
                        written=self._written(with_secrets=self._settings.backup_secrets))
        _clear(folder, UNFINISHED, keep=0)
        made: Made = make_backup(source, path_in(folder, now()),
                                 self._settings.backup_passphrase, with_secrets=self._settings.backup_secrets,
                                 alive=_Pulse(day, token, self._stopping))
        _clear(folder, OURS, keep=self._settings.backup_keep)
        log.info("the backup %s took %.0f s", made.path.name, made.seconds)
        return {"state": "done", "name": made.path.name, "size": made.bytes, "seconds": made.seconds,
                "missing": len(made.missing), "reason": ""}


class _Pulse:
    """Says now and then that the backup goes on, and whether it may."""

    def __init__(self, day: str, token: str, stopping: Callable[[], bool]) -> None:
        self._day, self._token, self._stopping, self._said = day, token, stopping, now()

    def __call__(self) -> bool:
        if self._stopping():
            return False
        if abs(now() - self._said) < SAY_EVERY:
            return True
        self._said = now()
        return backups.write_while_held(self._day, self._token, seen_at=self._said)


def _clear(folder: Path, pattern: re.Pattern[str], keep: int) -> None:
    """Delete the oldest of our own backups, by their names; nothing else in the folder is touched."""
    found = sorted(path for path in folder.glob("*secondread-*") if pattern.fullmatch(path.name))
    for path in found[:max(0, len(found) - keep)]:
        path.unlink(missing_ok=True)
