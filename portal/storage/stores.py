"""Which place keeps the files, by the settings."""

from __future__ import annotations

from werkzeug.utils import import_string

from config import Settings
from portal.storage.file_cache import FileCache
from portal.storage.files import Files, FileStore

OBJECT_FILES = "portal.storage.object_files:ObjectFiles"


def open_files(settings: Settings) -> Files:
    """A folder, or an object storage, whose client takes memory and is imported only here."""
    if settings.object_storage is None:
        return FileStore(settings.files)
    store: Files = import_string(OBJECT_FILES)(settings.object_storage,
                                               FileCache(settings.cache, settings.cache_bytes))
    return store
