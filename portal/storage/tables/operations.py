"""What operating the portal needs to know. No row here says whose image it was, or which."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.storage.tables.columns import Moment, now


class ModelRun(db.Model):
    """One try to read one image with one version: what became of it, how long it took, how the image looked.

    Names no image, case or person, so that it may outlive them, and counts only ever grow.
    """

    __tablename__ = "model_runs"
    __table_args__ = (
        CheckConstraint("outcome IN ('scored', 'refused', 'failed', 'unreadable')", name="outcome"),
        Index("ix_model_runs_version", "model", "version", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)
    model: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(16))
    # The code of what refused it, or of why it could not be read; empty when it was scored.
    reason: Mapped[str] = mapped_column(String(40), default="")
    # The codes of all findings, a blank between them.
    findings: Mapped[str] = mapped_column(String(200), default="")
    ms: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    um_per_px: Mapped[float | None]
    brightness: Mapped[float | None]
    contrast: Mapped[float | None]
    sharpness: Mapped[float | None]
    saturation: Mapped[float | None]
    density: Mapped[float | None]
    # The score of the answer: of labels the largest, of measures the first.
    score: Mapped[float | None]


class Heartbeat(db.Model):
    """When a process that nobody asks anything was last there; one row for each machine."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(Moment)


class HourlyCount(db.Model):
    """How much was sent or taken away within one hour, by one account or, as owner 0, by all of them."""

    __tablename__ = "hourly_counts"

    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counted from 1970, UTC."""
    what: Mapped[str] = mapped_column(String(16), primary_key=True)
    owner: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount: Mapped[int]
