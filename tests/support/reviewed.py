"""Images with answers and reviews, put straight into the tables and the store: no model is run."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage import access, work_items
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, Report, Review
from tests.support.readings import version_of


class Ward:
    """A portal that cases, images, answers and reviews are put into."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.store = app.extensions["files"]

    def case(self, *readers: str, patient: str = "P-0117", blind: bool = False) -> int:
        """A case of the first reader, shared with the others."""
        with self.app.app_context():
            ids = [_user_id(email) for email in readers]
            case = Case(owner_id=ids[0], patient=patient, specimen="tissue", blind=blind)
            db.session.add(case)
            db.session.flush()
            for one in ids:
                access.add_reader(case.id, one, ids[0])
            db.session.commit()
            return case.id

    def image(self, case_id: int, content: bytes, model: str, *, name: str = "one.png", kept: bytes | None = None,
              um_per_px: float | None = None, serial: str = "", **answer: Any) -> int:
        """An image with one answer; the answer's id. `kept` is what the store holds of it."""
        with self.app.app_context():
            image = Image(case_id=case_id, sha256=sha256(content).hexdigest(), name=name, um_per_px=um_per_px,
                          stored_as=self.store.put(kept or content, ".png"), content_type="image/png", format="png",
                          width=8, height=8, size=len(content), serial=serial)
            said = {"outcome": "scored", "label": None, "scores": {}, "version": version_of(model),
                    "weights_sha256": "ab", "ms": 1.0}
            prediction = Prediction(image=image, model=model, **{**said, **answer})
            db.session.add_all([image, prediction])
            db.session.flush()
            work_items.add_for_readers(prediction, case_id)
            db.session.commit()
            return prediction.id

    def review(self, prediction_id: int, reader: str, verdict: str = "agree", **said: Any) -> None:
        with self.app.app_context():
            reader_id = _user_id(reader)
            if verdict == "agree":
                said = {"label": db.session.get_one(Prediction, prediction_id).label, **said}
            db.session.add(Review(prediction_id=prediction_id, reader_id=reader_id, verdict=verdict, **said))
            work_items.mark_reviewed(prediction_id, reader_id)
            db.session.commit()

    def sign(self, case_id: int, reader: str, number: int = 1) -> None:
        with self.app.app_context():
            db.session.add(Report(case_id=case_id, number=number, signed_by=_user_id(reader), content={}, sha256="ab"))
            db.session.commit()


def _user_id(email: str) -> int:
    return db.session.scalars(select(User.id).where(User.email == email)).one()
