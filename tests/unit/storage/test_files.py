"""Files on disk: generated names, nothing half-written, orphans swept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from portal.storage.files import FileStore


def test_bytes_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    assert store.read(store.put(b"pixels", ".png")) == b"pixels"


def test_names_are_generated_and_the_file_is_private(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    first, second = store.put(b"same", ".png"), store.put(b"same", ".png")
    assert first != second
    assert stat.S_IMODE(store.path(first).stat().st_mode) == 0o600


def test_file_and_folder_reach_the_disk_before_the_name_is_given(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def watch(handle: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real(handle)

    monkeypatch.setattr(os, "fsync", watch)
    FileStore(tmp_path / "files").put(b"pixels", ".png")
    assert synced.index("file") < len(synced) - 1
    assert synced[-1] == "folder"


def test_the_sweeper_removes_old_orphans_and_nothing_else(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    named, orphan, young = (store.put(b"x", ".png") for _ in range(3))
    for old in (named, orphan):
        os.utime(store.path(old), (0, 0))
    assert store.sweep({named}) == 1
    assert not store.path(orphan).exists()
    assert store.path(named).exists()
    assert store.path(young).exists()
