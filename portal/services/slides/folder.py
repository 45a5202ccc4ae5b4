"""The import folder: what lies in `case-<number>` is offered there and taken in. Nothing is ever deleted in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config import Settings
from portal.extensions import db
from portal.services import audit
from portal.services.errors import DoubtfulName, NotFound
from portal.services.file_facts import facts
from portal.services.jobs import queue
from portal.services.jobs.carrier import Carrier
from portal.services.jobs.queue import Order
from portal.services.pseudonyms import Doubt, doubts_about_file
from portal.services.slides import pixel_size
from portal.storage import access, import_folder, jobs

KIND = "slide-import"
_CASE = re.compile(r"case-([1-9][0-9]{0,9})", re.ASCII)
MOST_FILES = 500
"""Looked at in one case's folder."""


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file in a case's folder, as it was when it was looked at."""

    case_id: int
    path: Path
    size: int
    changed_ns: int

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def state(self) -> list[int]:
        return [self.size, self.changed_ns]

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """What its name looks like that tells who somebody is: until a reader says that it does not, it waits."""
        return doubts_about_file(self.name)


def list_cases(root: Path | None) -> list[int]:
    """Numbers of the cases that have a folder there."""
    if root is None:
        return []
    with os.scandir(root) as entries:
        found = [(one, _CASE.fullmatch(one.name)) for one in entries]
        return sorted(int(name[1]) for one, name in found if name and one.is_dir(follow_symlinks=False))


def list_files(root: Path | None, case_id: int) -> list[FoundFile]:
    """The files of a case's folder by name. Links, folders and hidden files are passed over."""
    return sorted(_files(root, case_id), key=lambda one: one.name)


def find_file(root: Path | None, case_id: int, name: str) -> Path | None:
    return next((one.path for one in _files(root, case_id) if one.name == name), None)


def list_offered(root: Path | None, case_id: int) -> list[FoundFile]:
    """Those that were not taken in yet, or have changed since."""
    files = list_files(root, case_id)
    if not files:
        return []
    taken = {(one.params.get("file"), tuple(one.params.get("state", ())))
             for one in jobs.list_of_kind(case_id, KIND)}
    return [one for one in files if (one.name, tuple(one.state)) not in taken]


def take_in(settings: Settings, carrier: Carrier, actor: audit.Actor, case_id: int, name: str, model: str = "",
            um_per_px: float | None = None, *, sure: bool = False) -> int:
    """Ask for a file of the folder to be taken in; returns the job.

    Raises NotFound, PixelSizeProblem, or DoubtfulName unless somebody is `sure` that the name tells nobody's.
    """
    pixel_size.check(um_per_px)
    # Two workers, or a worker and a reader, may have seen it at the same moment.
    access.lock_case(case_id)
    found = next((one for one in list_offered(settings.import_folder, case_id) if one.name == name), None)
    if found is None:
        db.session.rollback()
        raise NotFound
    if found.doubts and not sure:
        db.session.rollback()
        raise DoubtfulName(" ".join(one.message for one in found.doubts))
    params = {"file": found.name, "state": found.state, "model": model, "um_per_px": um_per_px}
    job = queue.add(actor, Order(kind=KIND, title=f"Take in {found.name}", params=params, case_id=case_id))
    looks_like = {"looks_like": [one.code for one in found.doubts]} if found.doubts else {}
    audit.record(actor, "slide.from-folder", f"case:{case_id}", job=job.id, **facts(found.name, found.size),
                 **looks_like)
    job_id = job.id
    db.session.commit()
    carrier.wake()
    return job_id


def _files(root: Path | None, case_id: int) -> Iterator[FoundFile]:
    for one in import_folder.entries(root, case_id) if root else ():
        # Taken away since, or in a folder whose names may be read and nothing else.
        with suppress(FileNotFoundError, PermissionError):
            if one.is_file(follow_symlinks=False):
                state = one.stat(follow_symlinks=False)
                yield FoundFile(case_id=case_id, path=Path(one.path), size=state.st_size,
                                changed_ns=state.st_mtime_ns)
