"""Files in a bucket of an S3-compatible server, with the ones used last on this machine too."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from obstore.exceptions import BaseError
from obstore.store import S3Store

from config import ObjectStorage
from portal.storage.file_cache import FileCache
from portal.storage.files import SWEEP_AFTER_SECONDS, FilesUnavailable, new_name

if TYPE_CHECKING:
    from obstore import ObjectMeta

FETCHED = 2_000_000
PIECE = 16_000_000
"""Bytes sent at once. A file may have 10,000 pieces: 160 GB."""
AT_ONCE = 4
SILENCE = timedelta(seconds=30)
JOINING = timedelta(minutes=10)
"""A storage may be silent for minutes while it joins the pieces of several GB."""
OURS = re.compile(r"[0-9a-f]{2}/([0-9a-f]{32}(?:\.\w+)*)")
PROBE = "probe"
_users: set[int] = set()
"""The process that has asked an object storage. obstore's threads do not come along into a fork, where asking
would wait for ever (github.com/developmentseed/obstore/pull/441)."""


class ObjectFiles:
    """A bucket, or the part of it under a prefix, laid out like the folder of a FileStore."""

    def __init__(self, where: ObjectStorage, cache: FileCache) -> None:
        self._where, self._cache = where, cache
        self._bucket = _client(where, SILENCE)
        self._patient = _client(where, JOINING)

    def check(self) -> None:
        """Writes, for a key that may only read would be noticed by the first upload."""
        with self._told():
            self._bucket.put(PROBE, b"SecondRead was here.")
            self._bucket.delete(PROBE)

    def put(self, data: bytes, extension: str) -> str:
        return self._sent(self._bucket, data, extension)

    def put_file(self, path: Path, extension: str) -> str:
        name = self._sent(self._patient, path, extension)
        self._cache.take(name, path)
        return name

    def put_back(self, path: Path, name: str) -> None:
        with self._told():
            self._patient.put(_key(name), path, chunk_size=PIECE, max_concurrency=AT_ONCE)
        path.unlink()

    def is_empty(self) -> bool:
        return next(iter(self._list()), None) is None

    def read(self, name: str) -> bytes:
        return self.local(name).read_bytes()

    def local(self, name: str) -> Path:
        """A copy within the cache's limit; several GB take their time at the first call."""
        held = self._cache.held(name)
        if held:
            return held
        path = self._cache.fetched(name, lambda: self._asked(name))
        try:
            with self._told(name):
                self._bucket.head(_key(name))
        except FileNotFoundError:
            # Deleted while it was fetched: nobody would look for this copy any more.
            self._cache.drop(name)
            raise
        return path

    def opened(self, name: str) -> tuple[IO[bytes], int]:
        """From the bucket past the cache: a backup reads everything once, and the cache is for what is used."""
        copy = self._cache.opened(name)
        if copy:
            return copy, os.fstat(copy.fileno()).st_size
        size, pieces = self._asked(name)
        return io.BufferedReader(_Pieces(iter(pieces)), FETCHED), size

    def delete(self, name: str) -> None:
        """The copy here last, so that nobody fetches another meanwhile; those of other machines go when they tidy."""
        try:
            with self._told(), suppress(FileNotFoundError):
                self._bucket.delete(_key(name))
        finally:
            self._cache.drop(name)

    def bytes_kept(self) -> int:
        return sum(one["size"] for one in self._list())

    def sweep(self, named: set[str], older_than: float = SWEEP_AFTER_SECONDS) -> int:
        """Of the bucket only what a portal has put there, and of this machine's copies all that is not named."""
        cutoff = self._clock() - timedelta(seconds=older_than)
        orphans = [one["path"] for one in self._list()
                   if _name(one["path"]) not in named and one["last_modified"] < cutoff]
        with self._told():
            for start in range(0, len(orphans), 1000):
                self._bucket.delete(orphans[start:start + 1000])
        self._cache.keep_only(named)
        return len(orphans)

    def forget_copies(self, still_named: Callable[[list[str]], set[str]]) -> int:
        return self._cache.forget(still_named)

    def _clock(self) -> datetime:
        """The storage's own time: by this machine's, were it an hour ahead, what was put just now would be old."""
        probe = f"{PROBE}-{new_name('')}"
        with self._told(probe):
            self._bucket.put(probe, b"SecondRead asked for the time.")
            told = self._bucket.head(probe)["last_modified"]
            self._bucket.delete(probe)
        return told

    def _sent(self, bucket: S3Store, content: bytes | Path, extension: str) -> str:
        name = new_name(extension)
        with self._told():
            bucket.put(_key(name), content, chunk_size=PIECE, max_concurrency=AT_ONCE)
        return name

    def _asked(self, name: str) -> tuple[int, Iterable[bytes]]:
        with self._told(name):
            answer = self._bucket.get(_key(name))
        return answer.meta["size"], self._pieces(answer.stream(min_chunk_size=FETCHED), name)

    def _pieces(self, stream: Iterable[bytes], name: str) -> Iterator[bytes]:
        with self._told(name):
            yield from stream

    def _list(self) -> Iterator[ObjectMeta]:
        with self._told():
            for page in self._bucket.list():
                yield from (one for one in page if OURS.fullmatch(one["path"]))

    @contextmanager
    def _told(self, name: str = "") -> Iterator[None]:
        """Failures as the interface names them. A missing bucket is not a missing file."""
        _users.add(os.getpid())
        if len(_users) > 1:
            raise FilesUnavailable("a process that asked the object storage was forked; start workers before they ask")
        try:
            yield
        except FileNotFoundError as problem:
            if "NoSuchBucket" in str(problem):
                raise self._unavailable(problem) from problem
            raise FileNotFoundError(f"{name} is not in the object storage") from problem
        except BaseError as problem:
            raise self._unavailable(problem) from problem

    def _unavailable(self, problem: Exception) -> FilesUnavailable:
        return FilesUnavailable(f"the object storage at {self._where.endpoint}, bucket {self._where.bucket}, does not "
                                f"answer or refuses: {str(problem).partition(chr(10))[0]}")


class _Pieces(io.RawIOBase):
    """An answer that comes in pieces, as a file that is read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = memoryview(piece)
        size = min(len(into), len(self._held))
        into[:size], self._held = self._held[:size], self._held[size:]
        return size


def _client(where: ObjectStorage, silence: timedelta) -> S3Store:
    """Opens no connection and starts no thread yet."""
    return S3Store(
        where.bucket, prefix=where.prefix or None, endpoint=where.endpoint, region=where.region,
        access_key_id=where.key, secret_access_key=where.secret, virtual_hosted_style_request=False,
        client_options={"allow_http": where.endpoint.startswith("http:"), "connect_timeout": timedelta(seconds=5),
                        "read_timeout": silence, "timeout": timedelta(hours=2)},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20),
                      "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2),
                                  "base": 2}})


def _key(name: str) -> str:
    return f"{name[:2]}/{name}"


def _name(key: str) -> str:
    return key.rpartition("/")[2]
