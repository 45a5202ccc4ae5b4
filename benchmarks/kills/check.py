"""What must be so after any number of kills, asked of the database and the files themselves."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import func, select

from benchmarks.kills.load import Kept
from models.imaging.decode import decode
from models.imaging.limits import Limits
from models.imaging.scrub import scrub
from portal.extensions import db
from portal.services import housekeeping
from portal.services.jobs.run import GIVEN_UP
from portal.storage.files import files_below
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction, WorkItem

Try = tuple[int, int]
"""A job, and at which of its tries a worker was."""

EXPECTED = ("images", "predictions", "swept", "jobs_given_up")


@dataclass(frozen=True)
class Found:
    """Numbers that must be zero, but for the first four.

    A job whose worker was killed at each of its tries is given up, for it might be what kills: that is as it should be.
    """

    images: int
    predictions: int
    swept: int
    jobs_given_up: int
    acknowledged_lost: int
    bytes_wrong: int
    rows_without_file: int
    files_without_row: int
    double_predictions: int
    predictions_not_on_the_list: int
    jobs_open: int
    jobs_failed: int

    @property
    def problems(self) -> dict[str, int]:
        return {name: value for name, value in vars(self).items() if value and name not in EXPECTED}


def look(app: Flask, kept: list[Kept], interrupted: Collection[Try] = ()) -> Found:
    """Sweep, and then compare what is there with what was acknowledged. `interrupted`: tries that a kill ended."""
    store, root = app.extensions["files"], app.extensions["settings"].files
    with app.app_context():
        before = sum(1 for _ in files_below(root))
        # As the sweeper does an hour later.
        named = {one.result["file"]["stored_as"] for one in db.session.scalars(select(Job))
                 if one.result and "file" in one.result}
        store.sweep(housekeeping.images.list_stored_names() | named, older_than=-1)
        there = {path.name for path, _ in files_below(root)}
        images = {one.id: one for one in db.session.scalars(select(Image))}
        rows = set(db.session.scalars(select(Prediction.id)))
        lost, wrong = 0, 0
        for one in kept:
            image = images.get(one.image)
            if image is None or image.sha256 != hashlib.sha256(one.data).hexdigest() or (
                    one.prediction and one.prediction not in rows):
                lost += 1
            elif image.stored_as in there and store.read(image.stored_as) != _clean(one.data):
                wrong += 1
        states = Counter(db.session.scalars(select(Job.state)))
        given_up = _given_up(interrupted)
        doubles = db.session.execute(select(Prediction.image_id).group_by(
            Prediction.image_id, Prediction.model, Prediction.version).having(func.count() > 1)).all()
        listed = set(db.session.scalars(select(WorkItem.prediction_id)))
        stored = {one.stored_as for one in images.values()} | named
        return Found(images=len(images), predictions=len(rows), swept=before - len(there),
                     jobs_given_up=given_up, acknowledged_lost=lost, bytes_wrong=wrong,
                     rows_without_file=len(stored - there), files_without_row=len(there - stored),
                     double_predictions=len(doubles), predictions_not_on_the_list=len(rows - listed),
                     jobs_open=states["queued"] + states["running"], jobs_failed=states["failed"] - given_up)


def _given_up(interrupted: Collection[Try]) -> int:
    """Failed jobs all of whose tries were ended by kills."""
    failed = db.session.scalars(select(Job).where(Job.state == "failed"))
    return sum(one.reason == GIVEN_UP.format(tries=one.tries)
               and {(one.id, number + 1) for number in range(one.tries)} <= set(interrupted) for one in failed)


def _clean(data: bytes) -> bytes:
    """As the portal keeps it: without metadata."""
    return scrub(data, decode(data, Limits(max_bytes=10**8, max_pixels=10**8))).data
