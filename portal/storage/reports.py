"""Queries for reports: what one shows, and those that were signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, undefer

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction, Report

TAKEN_IN = ("image.read", "image.keep")
_BESIDE = timedelta(minutes=1)


def find_shown(prediction_id: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Layers and evidence of a prediction that the caller may see; not kept in the session, for they may be large."""
    layers, evidence = db.session.execute(
        select(Prediction.layers, Prediction.evidence).where(Prediction.id == prediction_id)).one()
    return layers or [], evidence or {}


def list_uploaders(images: Sequence[Image]) -> dict[int, str]:
    """Who brought each image in, by its id, from the audit rows written with them."""
    if not images:
        return {}
    moments = [one.uploaded_at for one in images]
    rows = db.session.execute(
        select(AuditEvent.subject, User.name).join(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.at.between(min(moments) - _BESIDE, max(moments) + _BESIDE), AuditEvent.action.in_(TAKEN_IN),
               AuditEvent.subject.in_([f"image:{one.id}" for one in images]))
        .order_by(AuditEvent.id.desc()))
    return {int(subject.partition(":")[2]): name for subject, name in rows}


def list_reports(case_id: int) -> list[Report]:
    """A case's signed reports, newest first, without their content."""
    return list(db.session.scalars(select(Report).where(Report.case_id == case_id).order_by(Report.number.desc())
                                   .options(joinedload(Report.signer))))


def find_report(case_id: int, number: int) -> Report | None:
    """With its content."""
    return db.session.scalar(select(Report).where(Report.case_id == case_id, Report.number == number)
                             .options(undefer(Report.content), joinedload(Report.signer)))


def last_number(case_id: int) -> int:
    """Of the newest signed report; 0 before the first."""
    return db.session.scalar(select(func.max(Report.number)).where(Report.case_id == case_id)) or 0


def add_report(report: Report) -> None:
    """Raises IntegrityError when somebody has taken its number. The caller commits."""
    db.session.add(report)
    db.session.flush()
