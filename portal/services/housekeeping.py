"""Keeps files and rows in step."""

from __future__ import annotations

from portal.storage import images
from portal.storage.files import FileStore


def sweep_files(store: FileStore) -> int:
    """Delete old files that no row names, as a crash between file and row leaves them. Returns how many."""
    return store.sweep(images.list_stored_names())
