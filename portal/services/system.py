"""What an administrator wants to know of the machine and of how much is kept."""

from __future__ import annotations

import logging
import platform
import shutil
from dataclasses import dataclass

from config import Settings
from portal.extensions import db
from portal.storage import counts
from portal.storage.files import Files, FilesUnavailable

log = logging.getLogger("portal.system")

VERSION = "0.1.0"


@dataclass(frozen=True, kw_only=True)
class SystemInfo:
    """Versions, counts and bytes; what is stored is not known while the storage for files does not answer."""

    version: str
    python: str
    database: str
    users: int
    cases: int
    images: int
    predictions: int
    free_bytes: int
    stored_bytes: int | None


def describe(settings: Settings, store: Files) -> SystemInfo:
    """The portal as it is now."""
    rows = counts.count_rows()
    return SystemInfo(version=VERSION, python=platform.python_version(), database=_database(),
                      users=rows["users"], cases=rows["cases"], images=rows["images"],
                      predictions=rows["predictions"], free_bytes=shutil.disk_usage(settings.instance).free,
                      stored_bytes=_bytes_kept(store))


def _bytes_kept(store: Files) -> int | None:
    try:
        return store.bytes_kept()
    except FilesUnavailable:
        log.exception("the storage for files does not answer")
        return None


def _database() -> str:
    """Name and version, without address or password."""
    dialect = db.session.connection().dialect
    version = ".".join(str(part) for part in dialect.server_version_info or ())
    return f"{dialect.name} {version}".strip()
