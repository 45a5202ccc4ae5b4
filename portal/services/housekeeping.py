"""Keeps files and rows in step."""

from __future__ import annotations

import logging
import shutil
import time
from datetime import datetime, timedelta

from config import Settings
from portal.extensions import db
from portal.services.jobs.product import MAKING, list_lasting
from portal.storage import images, jobs
from portal.storage.files import Files, FilesUnavailable

log = logging.getLogger("portal.housekeeping")

FILE_KEPT = timedelta(days=7)
"""So long the file that a job made can be fetched."""
MAKING_TAKES = 86_400
"""Seconds after which no file is in the making any more: its worker was killed."""


def sweep_files(store: Files) -> int:
    """Delete old files that no row names, as a crash between file and row leaves them. Returns how many.

    A database that names no file is left alone: it is new, or it is not the one that these files belong to.
    """
    named = images.list_stored_names() | _made_by_jobs()
    return store.sweep(named) if named else 0


def forget_copies(store: Files) -> int:
    """Forget the copies on this machine of files that were deleted from another one. Returns how many."""
    made = _made_by_jobs()
    gone = store.forget_copies(lambda names: images.filter_stored_names(names) | made.intersection(names))
    db.session.rollback()
    if gone:
        log.info("%d copies of files that were deleted elsewhere are forgotten", gone)
    return gone


def _made_by_jobs() -> set[str]:
    return {job.result["file"]["stored_as"] for job in jobs.list_with_files() if job.result}


def remove_old_products(store: Files, at: datetime) -> int:
    """Delete the files that jobs made long ago. Returns how many; what the storage does not take waits."""
    gone = 0
    for job in jobs.list_with_files(at - FILE_KEPT):
        result = job.result or {}
        try:
            store.delete(result["file"]["stored_as"])
        except FilesUnavailable:
            log.warning("the storage does not answer: files of old jobs are deleted later")
            break
        job.result = {**result, "file": {**result["file"], "stored_as": ""}}
        gone += 1
    db.session.commit()
    return gone


def clear_ended(settings: Settings) -> None:
    """Remove the workshops of jobs that wait and run no longer: cancelled between two turns, or given up."""
    held = list_lasting(settings)
    if not held:
        return
    open_jobs = jobs.list_open_ids(held)
    db.session.rollback()
    for job_id, folder in held.items():
        if job_id not in open_jobs:
            shutil.rmtree(folder, ignore_errors=True)


def clear_workshops(settings: Settings) -> None:
    """Remove what a killed worker left half-made."""
    for folder in settings.instance.glob(f"{MAKING}*"):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > MAKING_TAKES:
            shutil.rmtree(folder, ignore_errors=True)
