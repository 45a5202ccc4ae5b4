"""First light: accounts, sessions, cases, images, predictions, reviews, audit events."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
EXACT = sa.String(254).with_variant(mysql.VARCHAR(254, collation="utf8mb4_bin"), "mysql", "mariadb")
TABLES = ("login_failures", "users", "audit_events", "cases", "one_time_links", "sessions", "images", "predictions",
          "reviews")
ADDED_ONLY = ("predictions", "reviews", "audit_events")


def upgrade() -> None:
    _create_accounts()
    _create_sessions()
    _create_cases()
    _create_predictions()
    for table in ADDED_ONLY:
        _refuse_changes(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_accounts() -> None:
    _create("users", sa.Column("email", EXACT, nullable=False), _text("name", 120), _text("password_hash", 100),
            _text("role", 16), _text("status", 16), _moment("created_at"), sa.UniqueConstraint("email"),
            sa.CheckConstraint("role IN ('clinician', 'admin')", name="role"),
            sa.CheckConstraint("status IN ('waiting', 'approved', 'disabled')", name="status"))
    op.create_index("ix_users_status", "users", ["status"])
    _create("audit_events", _moment("at"), _link("actor_id", "users", nullable=True), _text("address", 45),
            _text("action", 48), _text("subject", 80), sa.Column("details", sa.JSON(), nullable=False))
    for column in ("at", "actor_id", "action"):
        op.create_index(f"ix_audit_events_{column}", "audit_events", [column])


def _create_sessions() -> None:
    _create("sessions", _text("token_hash", 64), _link("user_id", "users"),
            sa.Column("remember", sa.Boolean(), nullable=False), _text("address", 45), _text("browser", 200),
            _moment("created_at"), _moment("seen_at"), sa.UniqueConstraint("token_hash"))
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    _create("login_failures", _text("account_hash", 64), _text("address", 45), _moment("at"))
    op.create_index("ix_login_failures_account", "login_failures", ["account_hash", "at"])
    op.create_index("ix_login_failures_address", "login_failures", ["address", "at"])
    _create("one_time_links", _text("token_hash", 64), _text("purpose", 16), _link("user_id", "users", nullable=True),
            _moment("expires_at"), _moment("used_at", nullable=True), sa.UniqueConstraint("token_hash"))


def _create_cases() -> None:
    _create("cases", _link("owner_id", "users"), _text("patient", 80), _text("specimen", 120),
            sa.Column("note", sa.Text(), nullable=False), _moment("created_at"))
    op.create_index("ix_cases_owner_created", "cases", ["owner_id", "created_at"])
    _create("images", _link("case_id", "cases"), _text("sha256", 64), _text("name", 255), _text("stored_as", 64),
            _text("content_type", 40), _text("format", 16), _number("width"), _number("height"), _number("size"),
            _moment("uploaded_at"), sa.UniqueConstraint("case_id", "sha256"), sa.UniqueConstraint("stored_as"))
    op.create_index("ix_images_case_id", "images", ["case_id"])


def _create_predictions() -> None:
    _create("predictions", _link("image_id", "images"), _text("model", 64), _text("version", 32),
            _text("weights_sha256", 64), _text("outcome", 16), sa.Column("reason", sa.Text(), nullable=False),
            _text("label", 64, nullable=True), sa.Column("scores", sa.JSON(), nullable=False),
            sa.Column("findings", sa.JSON(), nullable=False), sa.Column("heatmap", sa.JSON(none_as_null=True)),
            sa.Column("ms", sa.Double(), nullable=False), _moment("created_at"),
            sa.UniqueConstraint("image_id", "model", "version"),
            sa.CheckConstraint("outcome IN ('scored', 'refused')", name="outcome"))
    op.create_index("ix_predictions_created_at", "predictions", ["created_at"])
    op.create_index("ix_predictions_outcome_created", "predictions", ["outcome", "created_at"])
    _create("reviews", _link("prediction_id", "predictions"), _link("reader_id", "users"), _text("verdict", 16),
            _text("label", 64, nullable=True), sa.Column("reason", sa.Text(), nullable=False), _moment("created_at"),
            sa.CheckConstraint("verdict IN ('agree', 'override', 'cannot-judge')", name="verdict"))
    op.create_index("ix_reviews_prediction_id", "reviews", ["prediction_id"])
    op.create_index("ix_reviews_reader_id", "reviews", ["reader_id"])


def _refuse_changes(table: str) -> None:
    """Rows of this table are only ever added: the database itself refuses the rest."""
    body = "SELECT RAISE(ABORT, '{0}');" if op.get_bind().dialect.name == "sqlite" else (
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{0}';")
    for act in ("update", "delete"):
        refusal = body.format(f"{table} are never changed or deleted")
        op.execute(f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
                   f"FOR EACH ROW BEGIN {refusal} END")


def _create(name: str, *parts: Any) -> None:
    """utf8mb4 whatever the server's default is: names are written in every script."""
    op.create_table(name, sa.Column("id", sa.Integer(), primary_key=True), *parts,
                    mysql_engine="InnoDB", mysql_charset="utf8mb4")


def _text(name: str, length: int, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=nullable)


def _link(name: str, table: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(f"{table}.id"), nullable=nullable)
