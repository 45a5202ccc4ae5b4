"""Files, wherever they are kept: they come back, nothing is half there, orphans go, and a silent server is said."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from config import ObjectStorage
from portal.storage.file_cache import FileCache
from portal.storage.files import Files, FileStore, FilesUnavailable
from portal.storage.object_files import ObjectFiles
from tests.support.object_server import bucket_of, content_of, new_bucket, objects_of, serving

LIMIT = 10_000_000
ROOT = Path(__file__).parents[3]


def on_objects(where: ObjectStorage, folder: Path, limit: int = LIMIT) -> ObjectFiles:
    return ObjectFiles(where, FileCache(folder, limit))


@pytest.fixture(params=["folder", "objects"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """One of both places."""
    if request.param == "folder":
        return FileStore(tmp_path / "files")
    return on_objects(request.getfixturevalue("object_storage"), tmp_path / "cache")


@pytest.fixture
def finished(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes a file as an upload in pieces leaves it: complete, and begun long ago."""

    def make(content: bytes) -> Path:
        path = tmp_path / "received"
        path.write_bytes(content)
        os.utime(path, (0, 0))
        return path

    return make


def test_bytes_come_back_as_they_went_in(store: Files) -> None:
    store.check()
    assert store.read(store.put(b"pixels", ".png")) == b"pixels"
    assert store.read(store.put(b"", ".png")) == b""


def test_names_are_generated_and_the_file_is_private(store: Files) -> None:
    first, second = store.put(b"same", ".png"), store.put(b"same", ".png")
    assert first != second
    assert re.fullmatch(r"[0-9a-f]{32}\.png", first)
    assert stat.S_IMODE(store.local(first).stat().st_mode) == 0o600


def test_a_file_of_many_pieces_is_moved_in_whole(store: Files, finished: Callable[[bytes], Path]) -> None:
    content = os.urandom(1_000_000) * 40
    path = finished(content)
    name = store.put_file(path, ".svs")
    assert not path.exists()
    assert store.local(name).read_bytes() == content
    assert store.bytes_kept() == len(content)


def test_a_file_moved_in_is_not_swept_however_long_it_was_in_the_making(
        store: Files, finished: Callable[[bytes], Path]) -> None:
    name = store.put_file(finished(b"slide"), ".svs")
    assert store.sweep({"another"}) == 0
    assert store.read(name) == b"slide"


def test_a_file_that_is_not_there_is_said(store: Files) -> None:
    with pytest.raises(FileNotFoundError):
        store.read(f"{'0' * 32}.png")


def test_a_deleted_file_is_gone_and_may_be_deleted_again(store: Files) -> None:
    name = store.put(b"pixels", ".png")
    assert store.read(name) == b"pixels"
    store.delete(name)
    store.delete(name)
    with pytest.raises(FileNotFoundError):
        store.read(name)
    assert store.bytes_kept() == 0


def test_the_sweeper_removes_what_no_row_names_and_nothing_else(store: Files) -> None:
    named, orphan = store.put(b"named", ".png"), store.put(b"orphan", ".png")
    assert store.sweep({named}, older_than=-5) == 1
    assert store.read(named) == b"named"
    assert store.bytes_kept() == len(b"named")
    assert orphan != named


def test_the_sweeper_leaves_young_files_whose_row_is_on_its_way(store: Files) -> None:
    store.put(b"young", ".png")
    assert store.sweep(set()) == 0


def test_file_and_folder_reach_the_disk_before_the_name_is_given(
        tmp_path: Path, finished: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def watch(handle: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real(handle)

    monkeypatch.setattr(os, "fsync", watch)
    files = FileStore(tmp_path / "files")
    for keep in (lambda: files.put(b"pixels", ".png"), lambda: files.put_file(finished(b"slide"), ".svs")):
        synced.clear()
        keep()
        assert synced.index("file") < len(synced) - 1
        assert synced[-1] == "folder"


def test_another_program_finds_the_object_as_soon_as_its_name_is_given(
        object_storage: ObjectStorage, tmp_path: Path, finished: Callable[[bytes], Path]) -> None:
    files = on_objects(object_storage, tmp_path / "cache")
    assert content_of(object_storage, files.put(b"pixels", ".png")) == b"pixels"
    assert content_of(object_storage, files.put_file(finished(b"slide"), ".svs")) == b"slide"


def test_a_machine_fetches_what_another_one_kept(object_storage: ObjectStorage, tmp_path: Path) -> None:
    name = on_objects(object_storage, tmp_path / "one").put(b"pixels", ".png")
    other = on_objects(object_storage, tmp_path / "other")
    assert other.read(name) == b"pixels"
    assert other.local(name).is_relative_to(tmp_path / "other")


def test_the_sweeper_leaves_what_others_keep_in_the_bucket(object_storage: ObjectStorage, tmp_path: Path) -> None:
    for key in (f"{object_storage.prefix}/backup.sql", f"other-clinic/ab/{'a' * 32}.png"):
        bucket_of(object_storage).put(key, b"not ours")
    assert on_objects(object_storage, tmp_path / "cache").sweep(set(), older_than=-5) == 0


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_file_is_as_old_as_the_storage_says_whatever_this_machines_clock(tmp_path: Path, hours: int) -> None:
    with serving(hours) as address:
        where = new_bucket(address)
        files = on_objects(where, tmp_path / "cache")
        young = files.put(b"its row is on its way", ".png")
        assert files.sweep(set()) == 0
        assert files.sweep({young}, older_than=-5) == 0
        assert set(objects_of(where)) == {young}, "and nothing stays of asking for the time"
        assert files.sweep(set(), older_than=-5) == 1


def test_copies_of_what_is_gone_go_with_the_next_sweep(object_storage: ObjectStorage, tmp_path: Path) -> None:
    one, other = (on_objects(object_storage, tmp_path / name) for name in ("one", "other"))
    name = one.put(b"pixels", ".png")
    copy = other.local(name)
    one.delete(name)
    os.utime(copy, (0, 0))
    other.sweep(set())
    assert not copy.exists()


def test_a_server_that_does_not_answer_is_said_and_a_finished_file_stays(
        object_storage: ObjectStorage, no_server: str, tmp_path: Path, finished: Callable[[bytes], Path]) -> None:
    files, path = on_objects(replace(object_storage, endpoint=no_server), tmp_path / "cache"), finished(b"slide")
    for ask in (files.check, files.bytes_kept, lambda: files.put(b"x", ".png"), lambda: files.put_file(path, ".svs"),
                lambda: files.read(f"{'0' * 32}.png"), lambda: files.sweep(set())):
        with pytest.raises(FilesUnavailable, match="does not answer"):
            ask()
    assert path.read_bytes() == b"slide"


def test_a_copy_is_served_while_the_server_does_not_answer(
        object_storage: ObjectStorage, no_server: str, tmp_path: Path) -> None:
    files = on_objects(object_storage, tmp_path / "cache")
    name = files.put(b"pixels", ".png")
    files.local(name)
    assert on_objects(replace(object_storage, endpoint=no_server), tmp_path / "cache").read(name) == b"pixels"


def test_a_missing_bucket_is_no_missing_file(object_storage: ObjectStorage, tmp_path: Path) -> None:
    files = on_objects(replace(object_storage, bucket="nobodys-bucket"), tmp_path / "cache")
    for ask in (files.check, lambda: files.put(b"x", ".png"), lambda: files.read(f"{'0' * 32}.png")):
        with pytest.raises(FilesUnavailable):
            ask()


def test_asking_after_a_fork_is_an_error_and_no_endless_wait(object_storage: ObjectStorage, tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from config import ObjectStorage
from portal.storage.file_cache import FileCache
from portal.storage.object_files import ObjectFiles
files = ObjectFiles({object_storage!r}, FileCache(Path({str(tmp_path)!r}), 1000))
def ask():
    if os.fork() == 0:
        try:
            files.check()
            print("answered", flush=True)
        except OSError as problem:
            print(problem, flush=True)
        os._exit(0)
    os.wait()
ask()
files.check()
ask()
"""
    program = program.replace("key='key'", "key='key', secret='secret'")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60,
                          check=True)
    first, second = done.stdout.splitlines()
    assert first == "answered"
    assert "forked" in second
