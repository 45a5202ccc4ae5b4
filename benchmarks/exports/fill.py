"""A database with a history of a given length: cases of fifty images, each read once, most of them reviewed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import insert

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, CaseReader, Image
from portal.storage.tables.readings import Prediction, Review, WorkItem

IN_A_CASE = 50
AT_ONCE = 2000
BEGAN = datetime(2026, 1, 5, 8, 0)
LABELS = ("Benign", "Early", "Pre", "Pro")
FINDINGS = [{"code": "in-domain", "message": "The image looks like those that this system was made with.",
             "refuses": False, "value": 0.31, "limit": 0.8}]


def fill(app: Flask, lengths: dict[int, int]) -> None:
    """Migrate an empty database and give each reader (by id) a history of so many answers."""
    with app.app_context():
        upgrade(directory=str(app.root_path) + "/migrations")
        with db.engine.begin() as connection:
            for reader in (*lengths, 99):
                connection.execute(insert(User), [{
                    "id": reader, "email": f"{reader}@clinic.example", "name": f"Reader {reader}",
                    "password_hash": "-", "role": "clinician", "status": "approved"}])
        first = 1
        for reader, length in lengths.items():
            _fill(reader, length, first)
            first += length


def _fill(reader: int, length: int, first: int) -> None:
    chance = random.Random(reader)  # noqa: S311 (made-up answers)
    numbers = iter(range(first, first + length))
    while some := list(islice(numbers, AT_ONCE)):
        with db.engine.begin() as connection:
            cases = sorted({_case(number) for number in some})
            connection.execute(insert(Case), [{
                "id": case, "owner_id": reader, "patient": f"P-{case:06}", "specimen": "peripheral blood",
                "created_at": BEGAN + timedelta(minutes=case)} for case in cases])
            connection.execute(insert(CaseReader), [{"case_id": case, "user_id": reader, "added_by": reader}
                                                    for case in cases])
            connection.execute(insert(Image), [_image(number) for number in some])
            answers = [_answer(number, chance) for number in some]
            connection.execute(insert(Prediction), answers)
            connection.execute(insert(WorkItem), [{
                "user_id": reader, "prediction_id": one["id"], "case_id": _case(one["id"]), "model": one["model"],
                "outcome": one["outcome"], "reviewed": one["id"] % 5 != 0} for one in answers])
            connection.execute(insert(Review), list(_reviews(answers, reader)))


def _case(number: int) -> int:
    return (number - 1) // IN_A_CASE + 1


def _image(number: int) -> dict[str, Any]:
    return {"id": number, "case_id": _case(number), "sha256": sha256(str(number).encode()).hexdigest(),
            "name": f"Zählfeld {number:06}.png", "stored_as": f"{number:032x}.png", "content_type": "image/png",
            "format": "png", "width": 224, "height": 224, "size": 90_000, "um_per_px": 0.25}


def _answer(number: int, chance: random.Random) -> dict[str, Any]:
    shares = [chance.random() for _ in LABELS]
    scores: dict[str, Any] = {label: share / sum(shares) for label, share in zip(LABELS, shares, strict=True)}
    model, label, demonstration = "leukemia", max(LABELS, key=lambda one: scores[one]), ""
    if number % 4 == 0:
        model, label = "er", "positive"
        scores = {"h_score": chance.uniform(0, 300), "allred": 7, "percent_positive": chance.uniform(0, 100),
                  "percent_weak": 10.5, "percent_moderate": 20.25, "percent_strong": 40.125, "nuclei": 532,
                  "dominant": "strong"}
    elif number % 4 == 1:
        model, label, demonstration = "pancreas", None, "Demonstration only."
        scores = {"architecture": 2.25, "atrophy": 1.5, "complexes": 0.75, "fibrosis": 3.0, "total": 7.5}
    return {"id": number, "image_id": number, "model": model, "version": "1", "weights_sha256": "ab" * 32,
            "outcome": "scored", "label": label, "scores": scores, "findings": FINDINGS, "ms": 12.5,
            "demonstration": demonstration, "created_at": BEGAN + timedelta(minutes=number)}


def _reviews(answers: list[dict[str, Any]], reader: int) -> Iterator[dict[str, Any]]:
    """Four of five answers are reviewed, one of ten by a second reader too."""
    for one in answers:
        by_hand = one["model"] == "pancreas"
        review = {"prediction_id": one["id"], "verdict": "override" if by_hand else "agree", "label": one["label"],
                  "scores": one["scores"] if by_hand else None, "reason": "Compared with the slide, field by field.",
                  "created_at": one["created_at"] + timedelta(hours=1)}
        if one["id"] % 5:
            yield {**review, "reader_id": reader}
        if one["id"] % 10 == 1:
            yield {**review, "reader_id": 99}
