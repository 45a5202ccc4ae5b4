"""What models and readers said of an image. Predictions, reviews, annotations and reports are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Image
from portal.storage.tables.columns import Moment, now


class Prediction(db.Model):
    """What one model version said of one image. The database refuses to change or delete it.

    A run that failed leaves no row: the image is kept, and sending it again runs the model again.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("image_id", "model", "version"),
        CheckConstraint("outcome IN ('scored', 'refused')", name="outcome"),
        Index("ix_predictions_outcome_created", "outcome", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    model: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    label: Mapped[str | None] = mapped_column(String(64))
    scores: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    layers: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    # Kept with the scores: the version that only demonstrated may be gone when they are read.
    demonstration: Mapped[str] = mapped_column(String(400), default="", server_default="")
    ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)

    image: Mapped[Image] = relationship(back_populates="predictions")
    reviews: Mapped[list[Review]] = relationship(back_populates="prediction", order_by="Review.id")


class WorkItem(db.Model):
    """One prediction on one reader's worklist. All but `reviewed` is copied from rows that never change, so that a
    page of the list is one step along an index; both indexes hold the whole row, for MariaDB pays for each that it
    must fetch besides.
    """

    __tablename__ = "work_items"
    __table_args__ = (
        Index("ix_work_items_reader", "user_id", "reviewed", "prediction_id", "model", "outcome", "case_id"),
        Index("ix_work_items_case_reader", "case_id", "user_id", "reviewed", "prediction_id", "model", "outcome"),
        Index("ix_work_items_model", "user_id", "model", "case_id", "reviewed", "outcome"),
        # For deletions: SQLite looks for the items of every prediction that goes, and makes no index for a reference.
        Index("ix_work_items_prediction", "prediction_id"))

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    model: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    reviewed: Mapped[bool] = mapped_column(default=False)

    prediction: Mapped[Prediction] = relationship()


class Review(db.Model):
    """What a reader said of a prediction. Of each reader the latest counts; earlier ones stay."""

    __tablename__ = "reviews"
    __table_args__ = (CheckConstraint("verdict IN ('agree', 'override', 'cannot-judge')", name="verdict"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"), index=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(64))
    scores: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # Nuclei that the reader put into another class: [number in the evidence, class].
    corrections: Mapped[list[list[Any]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    reason: Mapped[str] = mapped_column(Text, default="")
    # Given before this reader had seen what the model says.
    blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)

    prediction: Mapped[Prediction] = relationship(back_populates="reviews")
    reader: Mapped[User] = relationship()


class ReviewDraft(db.Model):
    """A review as far as it was typed: saved by the page, replaced by the next saving, gone with the review."""

    __tablename__ = "review_drafts"

    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    saved_at: Mapped[datetime] = mapped_column(Moment, default=now, onupdate=now)


class Annotation(db.Model):
    """What a reader drew on an image: a row per state of it, only ever added. Of each `mark` the latest row counts."""

    __tablename__ = "annotations"
    __table_args__ = (CheckConstraint("shape IN ('point', 'box', 'polygon')", name="shape"),
                      Index("ix_annotations_image", "image_id", "mark", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    # What all states of one drawing share: 32 hexadecimal digits.
    mark: Mapped[str] = mapped_column(String(32))
    shape: Mapped[str] = mapped_column(String(16))
    # Corners [x, y] in pixels of the image; of a box two of them.
    points: Mapped[list[list[float]]] = mapped_column(JSON)
    text: Mapped[str] = mapped_column(String(500), default="")
    removed: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)

    reader: Mapped[User] = relationship()


class Report(db.Model):
    """A signed report of a case: what it said when it was signed. The database refuses to change or delete it.

    `number` counts within the case; the first is the report, later ones are addenda to it.
    """

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    signed_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    comment: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    sha256: Mapped[str] = mapped_column(String(64))
    signed_at: Mapped[datetime] = mapped_column(Moment, default=now)

    signer: Mapped[User] = relationship()
