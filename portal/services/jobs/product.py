"""A file that a job makes for its owner: made beside the others, kept in the store, and named in the job's result."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config import Settings
from portal.services.errors import NoRoom
from portal.services.jobs.work import JobFailed, Work
from portal.services.room import check_room

MAKING = "making-"
"""Begins the name of a folder in the instance folder in which a file is being made."""
OF_JOB = f"{MAKING}job-"
"""Begins the name of a folder that outlasts the turns of the job whose number follows."""
NO_ROOM = "There is no room on the disk for this file. Tell your administrator."


@contextmanager
def workshop(settings: Settings) -> Iterator[Path]:
    """A folder for a file of any size, gone afterwards; not where the system keeps temporary files in memory."""
    try:
        check_room(settings)
    except NoRoom as problem:
        raise JobFailed(NO_ROOM) from problem
    with enough_room(), tempfile.TemporaryDirectory(prefix=MAKING, dir=settings.instance) as folder:
        yield Path(folder)


@contextmanager
def enough_room() -> Iterator[None]:
    """A full disk ends the job in a sentence."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise JobFailed(NO_ROOM) from problem
        raise


def lasting_workshop(settings: Settings, job_id: int) -> Path:
    """Where a job's workshop lies that its next turn finds again; `clear_ended` removes it after the job's end."""
    return settings.instance / f"{OF_JOB}{job_id}"


def list_lasting(settings: Settings) -> dict[int, Path]:
    """The workshops that outlast turns, by job."""
    found = {path.name.removeprefix(OF_JOB): path for path in settings.instance.glob(f"{OF_JOB}*")}
    return {int(number): path for number, path in found.items() if number.isdecimal()}


def still_needed(folder: Path) -> None:
    """Say that a workshop is at work in, so that it is not taken for a killed worker's."""
    os.utime(folder)


def kept(work: Work, path: Path, name: str, content_type: str) -> dict[str, Any]:
    """The result of a job whose file this is. `name` says nothing of a patient: it travels further than the file."""
    size = path.stat().st_size
    with work.transfer():
        stored_as = work.desk.store.put_file(path, path.suffix)
    return {"file": {"stored_as": stored_as, "name": name, "type": content_type, "size": size}}
