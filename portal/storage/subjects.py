"""Queries for all that is held about one pseudonym, whoever's the cases are: for administration and its worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, undefer

from portal.extensions import db
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case, Delivery, Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Annotation, Prediction, Report, Review, ReviewDraft

SUBJECTS_AT_ONCE = 500


def list_cases(patient: str) -> list[Case]:
    """The cases of exactly this pseudonym; MariaDB's own comparison would take é for e."""
    found = db.session.scalars(select(Case).where(Case.patient == patient).order_by(Case.id)
                               .options(joinedload(Case.owner)))
    return [one for one in found if one.patient == patient]


def list_prediction_ids(case_ids: Sequence[int]) -> Sequence[int]:
    return db.session.scalars(select(Prediction.id).join(Image, Image.id == Prediction.image_id)
                              .where(Image.case_id.in_(case_ids)).order_by(Prediction.id)).all()


def list_images(case_id: int) -> Sequence[Image]:
    return db.session.scalars(select(Image).where(Image.case_id == case_id).order_by(Image.id)).all()


def list_reports(case_id: int) -> Sequence[Report]:
    """With their content."""
    return db.session.scalars(select(Report).where(Report.case_id == case_id).order_by(Report.number)
                              .options(undefer(Report.content), joinedload(Report.signer))).all()


def load_prediction(prediction_id: int) -> Prediction | None:
    """With its layers and evidence."""
    return db.session.scalar(select(Prediction).where(Prediction.id == prediction_id)
                             .options(undefer(Prediction.layers), undefer(Prediction.evidence)))


def list_said(prediction_id: int) -> tuple[Sequence[Review], Sequence[ReviewDraft]]:
    """Reviews and drafts of a prediction."""
    reviews = db.session.scalars(select(Review).where(Review.prediction_id == prediction_id).order_by(Review.id)
                                 .options(undefer(Review.corrections), joinedload(Review.reader))).all()
    return reviews, db.session.scalars(select(ReviewDraft).where(ReviewDraft.prediction_id == prediction_id)).all()


def list_drawn(image_id: int) -> Sequence[Annotation]:
    """Every state of every drawing."""
    return db.session.scalars(select(Annotation).where(Annotation.image_id == image_id).order_by(Annotation.id)
                              .options(joinedload(Annotation.reader))).all()


def list_under_way(case_id: int) -> tuple[Sequence[Delivery], Sequence[Job]]:
    """Files on their way in, and every job of the case or of an image in it."""
    images = select(Image.id).where(Image.case_id == case_id)
    jobs = db.session.scalars(select(Job).where(or_(Job.case_id == case_id, Job.image_id.in_(images)))
                              .order_by(Job.id)).all()
    return db.session.scalars(select(Delivery).where(Delivery.case_id == case_id)).all(), jobs


def walk_events(subjects: Sequence[str]) -> Iterator[AuditEvent]:
    """The audit events about these subjects, with who acted."""
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        yield from db.session.scalars(
            select(AuditEvent).where(AuditEvent.subject.in_(subjects[start:start + SUBJECTS_AT_ONCE]))
            .order_by(AuditEvent.id).options(joinedload(AuditEvent.actor)))


def as_dict(row: Any, *left_out: str) -> dict[str, Any]:
    """Every loaded column of a row by its name."""
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in left_out}
