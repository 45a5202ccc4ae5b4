"""What an administrator wants to know of the machine and of how much is kept."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass

from config import Settings
from portal.extensions import db
from portal.storage import counts
from portal.storage.files import FileStore

VERSION = "0.1.0"


@dataclass(frozen=True, kw_only=True)
class SystemInfo:
    """Versions, counts and bytes."""

    version: str
    python: str
    database: str
    users: int
    cases: int
    images: int
    predictions: int
    free_bytes: int
    stored_bytes: int


def describe(settings: Settings) -> SystemInfo:
    """The portal as it is now."""
    rows = counts.count_rows()
    return SystemInfo(version=VERSION, python=platform.python_version(), database=_database(),
                      users=rows["users"], cases=rows["cases"], images=rows["images"],
                      predictions=rows["predictions"], free_bytes=shutil.disk_usage(settings.instance).free,
                      stored_bytes=FileStore(settings.files).bytes_kept())


def _database() -> str:
    """Name and version, without address or password."""
    dialect = db.session.connection().dialect
    version = ".".join(str(part) for part in dialect.server_version_info or ())
    return f"{dialect.name} {version}".strip()
