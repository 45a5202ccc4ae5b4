"""The clinician's desk: readers of a case, worklists, drafts, reports, tokens, choices, versions of a model."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ADDED = (
    ("cases", sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false())),
    ("images", sa.Column("serial", sa.String(40), nullable=False, server_default="")),
    ("images", sa.Column("specimen_group", sa.String(40), nullable=False, server_default="")),
    ("reviews", sa.Column("corrections", sa.JSON(none_as_null=True))),
    ("reviews", sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false())),
    ("active_models", sa.Column("version", sa.String(32), nullable=False, server_default="")),
)
MADE = ("case_readers", "work_items", "review_drafts", "reports", "api_tokens", "choices")


def upgrade() -> None:
    for table, column in ADDED:
        op.add_column(table, column)
    _create_lists()
    _create_documents()
    _create_settings()
    _fill_lists()
    _refuse_changes("reports")


def downgrade() -> None:
    for table in reversed(MADE):
        op.drop_table(table)
    for table, column in reversed(ADDED):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.name}")


def _create_lists() -> None:
    _create("case_readers", _key("case_id", "cases"), _key("user_id", "users"), _link("added_by", "users"),
            _moment("added_at"))
    op.create_index("ix_case_readers_user_case", "case_readers", ["user_id", "case_id"])
    _create("work_items", _key("user_id", "users"), _key("prediction_id", "predictions"), _link("case_id", "cases"),
            _text("model", 64), _text("outcome", 16), sa.Column("reviewed", sa.Boolean(), nullable=False))
    op.create_index("ix_work_items_list", "work_items", ["user_id", "reviewed", "prediction_id"])
    op.create_index("ix_work_items_case", "work_items", ["case_id", "user_id"])


def _create_documents() -> None:
    _create("review_drafts", _key("prediction_id", "predictions"), _key("reader_id", "users"),
            sa.Column("content", sa.JSON(), nullable=False), _moment("saved_at"))
    _create("reports", _id(), _link("case_id", "cases"), sa.Column("number", sa.Integer(), nullable=False),
            _link("signed_by", "users"), sa.Column("comment", sa.Text(), nullable=False),
            sa.Column("content", sa.JSON(), nullable=False), _text("sha256", 64), _moment("signed_at"),
            sa.UniqueConstraint("case_id", "number"))


def _create_settings() -> None:
    _create("api_tokens", _id(), _link("user_id", "users"), _text("name", 80), _text("token_hash", 64),
            _moment("created_at"), _moment("used_at", nullable=True), _moment("revoked_at", nullable=True),
            sa.UniqueConstraint("token_hash"))
    op.create_index("ix_api_tokens_user_id", "api_tokens", ["user_id"])
    _create("choices", sa.Column("name", sa.String(48), primary_key=True), _text("value", 200),
            sa.Column("changed_by", sa.Integer(), sa.ForeignKey("users.id")), _moment("changed_at"))


def _fill_lists() -> None:
    """Until now a case had one reader: its owner."""
    op.execute("INSERT INTO case_readers (case_id, user_id, added_by, added_at) "
               "SELECT id, owner_id, owner_id, created_at FROM cases")
    op.execute("INSERT INTO work_items (user_id, prediction_id, case_id, model, outcome, reviewed) "
               "SELECT cases.owner_id, predictions.id, cases.id, predictions.model, predictions.outcome, "
               "EXISTS (SELECT 1 FROM reviews WHERE reviews.prediction_id = predictions.id "
               "AND reviews.reader_id = cases.owner_id) "
               "FROM predictions JOIN images ON images.id = predictions.image_id "
               "JOIN cases ON cases.id = images.case_id")


def _refuse_changes(table: str) -> None:
    """Rows of this table are only ever added: the database itself refuses the rest."""
    body = "SELECT RAISE(ABORT, '{0}');" if op.get_bind().dialect.name == "sqlite" else (
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{0}';")
    for act in ("update", "delete"):
        refusal = body.format(f"{table} are never changed or deleted")
        op.execute(f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
                   f"FOR EACH ROW BEGIN {refusal} END")


def _create(name: str, *parts: Any) -> None:
    op.create_table(name, *parts, mysql_engine="InnoDB", mysql_charset="utf8mb4")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), primary_key=True)


def _key(name: str, table: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(f"{table}.id"), primary_key=True)


def _link(name: str, table: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(f"{table}.id"), nullable=False)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=nullable)
