"""Takes a slide in: from what was sent, or lies in the import folder, to the pyramid that is kept and its row."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError

from models.imaging.errors import Unreadable
from models.sandbox.slides import Taken
from models.slides.limits import SlideLimits
from models.slides.unpack import unpack
from portal.extensions import db
from portal.services import audit
from portal.services.errors import NoRoom, PixelSizeProblem
from portal.services.image_fields import fields_of_name
from portal.services.jobs.work import JobFailed, Work
from portal.services.room import check_room
from portal.services.slides import reading
from portal.services.slides.deliveries import ROOM
from portal.services.slides.sources import Source, find_source
from portal.services.slides.taking import take_in
from portal.storage import images
from portal.storage.incoming import Incoming
from portal.storage.tables.cases import Image

NAME = "slide-import"
PATIENCE = 120.0
_HASHED, _BLOCK = 0, 4 << 20
_STEPS, _HASH_UNTIL, _UNPACK_UNTIL = 1000, 50, 100
"""Shares of the work, from a thousand: the pyramid takes nearly all the time."""
State = tuple[int, int]
"""Of the file: its size, and when it was changed."""
_ZIP = b"PK\x03\x04"
GONE = "The case was deleted while the slide was taken in. Nothing was kept of it."
CHANGED = "The file was changed while it was taken in. Wait until it is written, then send it again."


def run(work: Work) -> dict[str, Any]:
    source = find_source(work.settings, work.job)
    state = source.state()
    sha256 = _sha256(work, source, state)
    known = images.find_image_by_content(work.job.case_id or 0, sha256)
    image = known or _take_in(work, source, sha256, state)
    return {"image": image.id, "existing": known is not None, "reading": _order_reading(work, source, image)}


def _sha256(work: Work, source: Source, state: State) -> str:
    """Of the bytes as they were sent; computed once, however often the job begins. Raises JobFailed for other bytes."""
    kept = work.part(_HASHED)
    if kept:
        sha256, *then = kept.decode("ascii").split()
        # A version before this one kept nothing but the hash.
        if then and then != [str(one) for one in state]:
            raise JobFailed(CHANGED)
        return sha256
    digest, done = hashlib.sha256(), 0
    with source.path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            work.progress(_HASH_UNTIL * done // source.size, _STEPS, "Reading the file")
    _check_same(source, state)
    kept = " ".join([digest.hexdigest(), *(str(one) for one in state)]).encode("ascii")
    work.keep(_HASHED, kept, done=_HASH_UNTIL, total=_STEPS, note="Reading the file")
    return digest.hexdigest()


def _check_same(source: Source, state: State) -> None:
    if source.state() != state:
        raise JobFailed(CHANGED)


def _take_in(work: Work, source: Source, sha256: str, state: State) -> Image:
    incoming = Incoming(work.settings.incoming)
    folder = incoming.work_folder(source.stored_as)
    try:
        return _kept(work, source, sha256, state, folder)
    except Unreadable as problem:
        raise JobFailed(str(problem)) from problem
    finally:
        incoming.clear_work_folder(source.stored_as)


def _kept(work: Work, source: Source, sha256: str, state: State, folder: Path) -> Image:
    limits = SlideLimits(max_bytes=work.settings.max_slide_bytes)
    target = folder / "kept.tif"
    _check_room(work, source)
    slide = take_in(_placed(work, source, folder / "sent", limits), target, limits, PATIENCE,
                    _telling(work, _UNPACK_UNTIL, _STEPS, "Building the zoom levels"))
    _check_same(source, state)
    row = _row(work, source, sha256, slide, target.stat().st_size)
    with work.transfer():
        row.stored_as = stored_as = work.desk.store.put_file(target, ".tif")
    try:
        image = _added(work, row)
        # Holds the job until its end is committed: who cancels it, or deletes the case, came before or comes after.
        work.ends_as(_STEPS, _STEPS)
    except Exception:
        db.session.rollback()
        work.desk.store.delete(stored_as)
        raise
    return image


def _check_room(work: Work, source: Source) -> None:
    """For what lies in the import folder nobody has asked yet; for what was sent it was asked before."""
    try:
        if "file" in work.job.params:
            check_room(work.settings, int(source.size * (ROOM - 1)))
    except NoRoom as problem:
        raise JobFailed(str(problem)) from problem


def _placed(work: Work, source: Source, folder: Path, limits: SlideLimits) -> Path:
    """The file that opens the slide, in a folder with nothing but what belongs to it."""
    folder.mkdir()
    with source.path.open("rb") as file:
        packed = file.read(len(_ZIP)) == _ZIP
    if packed:
        return unpack(source.path, folder, limits, _telling(work, _HASH_UNTIL, _UNPACK_UNTIL, "Unpacking"))
    suffix = re.search(r"\.[a-z0-9]{1,8}\Z", source.name.lower())
    alone = folder / f"slide{suffix.group() if suffix else ''}"
    alone.symlink_to(source.path.resolve())
    return alone


def _telling(work: Work, start: int, end: int, note: str) -> Callable[[int, int], None]:
    return lambda done, total: work.progress(start + (end - start) * done // max(1, total), _STEPS, note)


def _row(work: Work, source: Source, sha256: str, slide: Taken, size: int) -> Image:
    return Image(case_id=work.job.case_id, sha256=sha256, name=source.name[:255], content_type="image/tiff",
                 format=slide.vendor[:16], width=slide.width, height=slide.height, size=size, kind="slide",
                 um_per_px=source.um_per_px or slide.um_per_px, **fields_of_name(source.name))


def _added(work: Work, row: Image) -> Image:
    """The row in the session, or that of another job that took in the same bytes at the same time."""
    case_id, sha256, stored_as = row.case_id, row.sha256, row.stored_as
    db.session.add(row)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        work.desk.store.delete(stored_as)
        known = images.find_image_by_content(case_id, sha256)
        if known is None:
            raise JobFailed(GONE) from None
        return known
    audit.record(audit.Actor(user_id=work.job.owner_id), "image.keep", f"image:{row.id}", case=case_id,
                 kind="slide", format=row.format, sha256=sha256)
    return row


def _order_reading(work: Work, source: Source, image: Image) -> int | None:
    """What was asked for when it was sent, if it can be done: without a pixel size no system reads a slide."""
    if image.um_per_px is None or not reading.can_read(work.desk.engine, source.model):
        return None
    try:
        return reading.order(audit.Actor(user_id=work.job.owner_id), work.desk.engine, image, source.model)
    except PixelSizeProblem:
        return None
