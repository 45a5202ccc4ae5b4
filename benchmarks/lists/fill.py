"""Fills a migrated, empty database with one reader's years of work, in bulk: same seed, same rows."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from portal.extensions import db
from portal.services import passwords
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, CaseReader, Image
from portal.storage.tables.readings import Prediction, Review, WorkItem

BATCH = 5000
PER_CASE = 4
FIRST = datetime(2022, 1, 3, 8)
PASSWORD = "violet harbour lantern 42"  # noqa: S105 (of an account that is gone with the measurement)
READER, COLLEAGUE, GUEST = 1, 2, 3
"""The one who is measured; one who shares a fifth of the cases; one who shares a single old case."""
PEOPLE = {READER: "Reader", COLLEAGUE: "Colleague", GUEST: "Guest"}
SPECIMENS = ("peripheral blood", "bone marrow", "lymph node", "breast core biopsy", "pancreas resection")
LABELS = {"leukemia": ("Benign", "Early", "Pre", "Pro"), "pcam": ("non-metastatic", "metastatic"),
          "er": ("negative", "low-positive", "positive"), "pancreas": ()}
RARE_CASES = 5
"""The oldest cases: the only ones of the rarest system, of a word in a note, and shared with the guest."""
RARE_WORD = "zebra"

Row = dict[str, Any]


@dataclass
class Work:
    """Rows by table, as one case after another is made up."""

    cases: list[Row] = field(default_factory=list)
    readers: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    predictions: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    reviews: list[Row] = field(default_factory=list)

    def insert(self) -> None:
        for table, rows in ((Case, self.cases), (CaseReader, self.readers), (Image, self.images),
                            (Prediction, self.predictions), (WorkItem, self.items), (Review, self.reviews)):
            for batch in _batches(rows):
                db.session.execute(insert(table), batch)


def fill(predictions: int, seed: int) -> None:
    """`predictions` in cases of four, half of them reviewed; call it inside an application context."""
    _add_people()
    random_ = random.Random(seed)  # noqa: S311 (not for secrets)
    cases = predictions // PER_CASE
    for first in range(1, cases + 1, BATCH):
        work = Work()
        for case_id in range(first, min(first + BATCH, cases + 1)):
            _add_case(work, random_, case_id)
        work.insert()
    db.session.commit()
    if db.engine.dialect.name != "sqlite":
        with db.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE TABLE cases, case_readers, images, predictions, work_items, reviews")


def _add_people() -> None:
    hashed = passwords.hash_password(PASSWORD, 4)
    db.session.execute(insert(User), [
        {"id": number, "email": f"{name.lower()}@clinic.example", "name": name, "role": "clinician",
         "status": "approved", "password_hash": hashed, "created_at": FIRST} for number, name in PEOPLE.items()])


def _add_case(work: Work, random_: random.Random, case_id: int) -> None:
    rare = case_id <= RARE_CASES
    opened = FIRST + timedelta(minutes=case_id * 50)
    specimen = random_.choice(SPECIMENS)
    work.cases.append({"id": case_id, "owner_id": READER, "patient": f"P-{case_id:06}", "specimen": specimen,
                       "note": f"{RARE_WORD} {specimen}" if rare else f"sent again, {specimen}",
                       "blind": random_.random() < 0.1, "created_at": opened})
    people = [READER, *([COLLEAGUE] if random_.random() < 0.2 else ()), *([GUEST] if case_id == 1 else ())]
    work.readers += [{"case_id": case_id, "user_id": one, "added_by": READER, "added_at": opened} for one in people]
    model = "pancreas" if rare else random_.choices(("leukemia", "pcam", "er"), (60, 25, 15))[0]
    for number in range(PER_CASE):
        _add_image(work, random_, case_id, (case_id - 1) * PER_CASE + number + 1, model, people,
                   opened + timedelta(minutes=number + 1))


def _add_image(work: Work, random_: random.Random, case_id: int, number: int, model: str, people: list[int],
               at: datetime) -> None:
    """An image, what the model said of it, and what its readers say of that."""
    labels = LABELS[model]
    outcome = "refused" if random_.random() < 0.05 else "scored"
    label = random_.choice(labels) if labels and outcome == "scored" else None
    shares = {one: round(random_.random() / len(labels), 4) for one in labels}
    work.images.append({"id": number, "case_id": case_id, "sha256": f"{number:064x}", "name": f"slide-{number:06}.png",
                        "stored_as": f"{number:032x}.png", "content_type": "image/png", "format": "PNG", "width": 2048,
                        "height": 1536, "size": 4_000_000, "um_per_px": 0.25, "serial": "", "specimen_group": "",
                        "uploaded_at": at})
    work.predictions.append({"id": number, "image_id": number, "model": model, "version": "1",
                             "weights_sha256": "0" * 64, "outcome": outcome, "label": label,
                             "reason": "The image is out of focus." if outcome == "refused" else "",
                             "scores": shares if label else {}, "findings": [], "demonstration": "", "ms": 12.5,
                             "created_at": at})
    for one in people:
        reviewed = one != READER or random_.random() < 0.5
        work.items.append({"user_id": one, "prediction_id": number, "case_id": case_id, "model": model,
                           "outcome": outcome, "reviewed": reviewed})
        if reviewed:
            work.reviews.append({"prediction_id": number, "reader_id": one, "label": label, "reason": "",
                                 "verdict": "agree" if label else "cannot-judge", "blind": False, "created_at": at})


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch
