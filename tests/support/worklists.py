"""Rows of cases, images, predictions and readings put straight into the database: a list without running a model."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from portal.extensions import db
from portal.storage import access, work_items
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.columns import now
from portal.storage.tables.readings import Prediction, Review
from tests.support.readings import version_of


def reader_id(app: Flask, email: str = "reader@clinic.example") -> int:
    with app.app_context():
        return db.session.query(User.id).filter_by(email=email).scalar()


def add_case(app: Flask, owner: int, *, patient: str = "P-1", specimen: str = "blood", note: str = "",
             blind: bool = False, shared_with: tuple[int, ...] = ()) -> int:
    with app.app_context():
        case = Case(owner_id=owner, patient=patient, specimen=specimen, note=note, blind=blind)
        db.session.add(case)
        db.session.flush()
        for one in (owner, *shared_with):
            access.add_reader(case.id, one, owner)
        db.session.commit()
        return case.id


def add_result(app: Flask, case_id: int, name: str, *, model: str = "leukemia", outcome: str = "scored",
               label: str | None = "Benign", at: datetime | None = None) -> int:
    """An image with one prediction, on the worklist of everybody who reads the case."""
    with app.app_context():
        image = Image(case_id=case_id, sha256=name.rjust(64, "0")[-64:], name=name, stored_as=f"{case_id}-{name}"[-64:],
                      content_type="image/png", format="PNG", width=64, height=48, size=1000)
        db.session.add(image)
        db.session.flush()
        label = label if outcome == "scored" else None
        prediction = Prediction(image_id=image.id, model=model, version=version_of(model), weights_sha256="0" * 64,
                                outcome=outcome, label=label, scores={label: 0.91} if label else {}, ms=1.0,
                                created_at=at or now())
        db.session.add(prediction)
        db.session.flush()
        work_items.add_for_readers(prediction, case_id)
        db.session.commit()
        return prediction.id


def add_review(app: Flask, prediction_id: int, reader: int, verdict: str = "agree", label: str | None = None) -> None:
    with app.app_context():
        db.session.add(Review(prediction_id=prediction_id, reader_id=reader, verdict=verdict, label=label))
        work_items.mark_reviewed(prediction_id, reader)
        db.session.commit()
