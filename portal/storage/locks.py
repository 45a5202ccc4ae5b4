"""What only one process at a time does, on whichever machine; who dies lets go of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from portal.storage import snapshots


@contextmanager
def tried(engine: Engine, what: str) -> Iterator[bool]:
    """Whether it is ours until the end of the block; nobody waits. `what` is a word of at most 20 letters."""
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        handle = os.open(path.with_name(f"{path.name}.{what}"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield _is_free(handle)
        finally:
            os.close(handle)
        return
    own = snapshots.patient(engine.url)
    connection = own.connect()
    try:
        # A lock's name may have 64 letters, and so may a database's.
        yield bool(connection.scalar(text("SELECT GET_LOCK(CONCAT(:what, ' ', MD5(DATABASE())), 0)"), {"what": what}))
    finally:
        # A connection that was cut has let go of the lock, and what the block did is done.
        with suppress(SQLAlchemyError):
            connection.close()
        own.dispose()


def _is_free(handle: int) -> bool:
    try:
        flock(handle, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True
