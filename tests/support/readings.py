"""Predictions and reviews put into the tables directly, as many and as exact as a test of figures needs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from models.catalogue import Catalogue
from portal.extensions import db
from portal.storage import access, work_items
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.columns import now
from portal.storage.tables.readings import Prediction, Review

DEMONSTRATION = "Made up."
VERSIONS = {entry.spec.key: entry.spec.version for entry in Catalogue()}


def version_of(model: str) -> str:
    """What is served: of another version the portal knows no more than its name."""
    return VERSIONS.get(model, "1")


@dataclass
class Filler:
    """Adds rows inside an application context; the caller commits."""

    made: int = field(default=0)

    def reader(self, name: str) -> int:
        user = User(email=f"{name.lower()}@clinic.example", name=name, role="clinician", status="approved",
                    password_hash="")
        db.session.add(user)
        db.session.flush()
        return user.id

    def case(self, owner: int, *readers: int, blind: bool = False) -> int:
        case = Case(owner_id=owner, patient=f"P-{self.made}", specimen="blood", blind=blind)
        db.session.add(case)
        db.session.flush()
        for reader in (owner, *readers):
            access.add_reader(case.id, reader, owner)
        db.session.flush()
        return case.id

    def prediction(self, case_id: int, label: str | None, *, model: str = "leukemia", outcome: str = "scored",
                   scores: dict[str, Any] | None = None, demonstration: str = "") -> int:
        self.made += 1
        image = Image(case_id=case_id, sha256=f"{self.made:064}", name=f"{self.made}.png", stored_as=f"{self.made}",
                      content_type="image/png", format="png", width=10, height=10, size=10)
        row = Prediction(image=image, model=model, version=version_of(model), weights_sha256="", outcome=outcome,
                         label=label, scores=scores or {}, demonstration=demonstration, ms=1.0)
        db.session.add(row)
        db.session.flush()
        work_items.add_for_readers(row, case_id)
        return row.id

    def review(self, prediction_id: int, reader: int, label: str | None, *, verdict: str = "override",
               blind: bool = False, scores: dict[str, Any] | None = None, days_ago: int = 0) -> None:
        db.session.add(Review(prediction_id=prediction_id, reader_id=reader, verdict=verdict, label=label,
                              scores=scores, blind=blind, created_at=now() - timedelta(days=days_ago)))
        db.session.flush()
        work_items.mark_reviewed(prediction_id, reader)
