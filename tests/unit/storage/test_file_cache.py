"""Copies of distant files: within the limit, whole, fetched once, and never taken from under somebody's hands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from portal.storage.file_cache import FileCache, Source


def of(content: bytes) -> Source:
    return lambda: (len(content), [content])


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(tmp_path / "cache", limit=1000)


def rest(path: Path, order: int) -> Path:
    """As if it was last used long ago."""
    os.utime(path, (order, order))
    return path


def test_what_was_used_longest_ago_makes_room(cache: FileCache) -> None:
    first, second = (rest(cache.fetched(name, of(b"x" * 400)), order) for order, name in enumerate(("aa1", "bb2")))
    third = cache.fetched("cc3", of(b"x" * 400))
    assert [path.exists() for path in (first, second, third)] == [False, True, True]


def test_being_asked_for_again_counts_as_use(cache: FileCache) -> None:
    first, second = (rest(cache.fetched(name, of(b"x" * 400)), order) for order, name in enumerate(("aa1", "bb2")))
    assert cache.held("aa1") == first
    cache.fetched("cc3", of(b"x" * 400))
    assert [path.exists() for path in (first, second)] == [True, False]


def test_what_is_in_use_stays_even_over_the_limit(cache: FileCache) -> None:
    paths = [cache.fetched(name, of(b"x" * 600)) for name in ("aa1", "bb2", "cc3")]
    assert all(path.exists() for path in paths)


def test_a_file_larger_than_the_limit_is_held_alone(cache: FileCache) -> None:
    small = rest(cache.fetched("aa1", of(b"small")), 1)
    assert cache.fetched("bb2", of(b"x" * 5000)).stat().st_size == 5000
    assert not small.exists()


def test_many_who_ask_for_one_file_at_once_cost_one_fetch(tmp_path: Path) -> None:
    asked: list[int] = []
    together = Barrier(4)

    def source() -> tuple[int, Iterator[bytes]]:
        asked.append(1)
        return 4, iter([b"ab", b"cd"])

    def ask(_: int) -> bytes:
        together.wait(30)
        return FileCache(tmp_path / "cache", limit=1000).fetched("aa1", source).read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [b"abcd"] * 4
    assert len(asked) == 1


def test_a_fetch_that_breaks_leaves_nothing_and_the_next_one_begins_anew(cache: FileCache, tmp_path: Path) -> None:
    def breaking() -> tuple[int, Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise OSError("the line is cut")

        return 8, pieces()

    with pytest.raises(OSError, match="cut"):
        cache.fetched("aa1", breaking)
    with pytest.raises(OSError, match="incomplete"):
        cache.fetched("aa1", lambda: (8, [b"half"]))
    assert cache.held("aa1") is None
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != "lock"] == []
    assert cache.fetched("aa1", of(b"whole")).read_bytes() == b"whole"


def test_what_a_killed_process_left_half_fetched_is_in_nobodys_way(cache: FileCache, tmp_path: Path) -> None:
    for name in ("aa1", "bb2"):
        left = tmp_path / "cache" / "parts" / name
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"ha")
        os.utime(left, (0, 0))
    assert cache.fetched("aa1", of(b"whole")).read_bytes() == b"whole"
    cache.keep_only({"aa1"})
    assert list((tmp_path / "cache" / "parts").iterdir()) == []
    assert cache.held("aa1")


def test_a_finished_file_of_this_machine_becomes_the_copy(cache: FileCache, tmp_path: Path) -> None:
    path = tmp_path / "received"
    path.write_bytes(b"slide")
    cache.take("aa1", path)
    assert not path.exists()
    assert cache.fetched("aa1", of(b"not asked")).read_bytes() == b"slide"
