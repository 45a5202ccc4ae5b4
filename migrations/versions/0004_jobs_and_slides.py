"""Jobs with their finished parts, large files on their way in, slides among the images, drawings on them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LARGE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PIECE = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
MADE = ("jobs", "job_parts", "deliveries", "annotations")


def upgrade() -> None:
    op.add_column("images", sa.Column("kind", sa.String(16), nullable=False, server_default="image"))
    op.add_column("images", sa.Column("cut_box", sa.JSON(none_as_null=True)))
    op.add_column("images", sa.Column("cut_from_id", sa.Integer()))
    op.create_index("ix_images_cut_from_id", "images", ["cut_from_id"])
    if op.get_bind().dialect.name != "sqlite":  # there every integer has eight bytes
        op.alter_column("images", "size", type_=sa.BigInteger(), existing_type=sa.Integer(), existing_nullable=False)
    _create_jobs()
    _create_deliveries()
    _create_annotations()


def downgrade() -> None:
    """A size keeps its eight bytes: a slide's has no room in four, and MariaDB would stop here with the tables gone."""
    for table in reversed(MADE):
        op.drop_table(table)
    op.drop_index("ix_images_cut_from_id", "images")
    for column in ("kind", "cut_box", "cut_from_id"):
        op.execute(f"ALTER TABLE images DROP COLUMN {column}")


def _create_jobs() -> None:
    _create("jobs", _id(), _text("kind", 32), _link("owner_id", "users"), _link("case_id", "cases", nullable=True),
            _link("image_id", "images", nullable=True), _text("title", 255), _json("params"), _text("state", 16),
            _number("done"), _number("total"), _text("note", 200), sa.Column("reason", sa.Text(), nullable=False),
            _json("result", nullable=True), _number("tries"), sa.Column("worked_s", sa.Double(), nullable=False),
            _text("lease", 32, nullable=True), _moment("leased_until", nullable=True), _text("worker", 120),
            _moment("not_before", nullable=True), _moment("created_at"), _moment("started_at", nullable=True),
            _moment("turned_at", nullable=True), _moment("ended_at", nullable=True),
            sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"))
    op.create_index("ix_jobs_state_owner", "jobs", ["state", "owner_id", "id"])
    op.create_index("ix_jobs_owner", "jobs", ["owner_id", "id"])
    op.create_index("ix_jobs_turns", "jobs", ["owner_id", "turned_at"])
    op.create_index("ix_jobs_image", "jobs", ["image_id", "kind"])
    op.create_index("ix_jobs_case_id", "jobs", ["case_id"])
    _create("job_parts",
            sa.Column("job_id", sa.Integer(), sa.ForeignKey("jobs.id"), primary_key=True),
            sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column("content", PIECE, nullable=False))


def _create_deliveries() -> None:
    _create("deliveries", _id(), _link("user_id", "users"), _link("case_id", "cases"), _text("name", 255),
            sa.Column("size", LARGE, nullable=False), sa.Column("received", LARGE, nullable=False),
            _text("model", 64), sa.Column("um_per_px", sa.Double()), _text("stored_as", 64),
            _link("job_id", "jobs", nullable=True), _moment("created_at"), _moment("seen_at"),
            sa.UniqueConstraint("stored_as"))
    op.create_index("ix_deliveries_user_id", "deliveries", ["user_id"])
    op.create_index("ix_deliveries_case_id", "deliveries", ["case_id"])


def _create_annotations() -> None:
    _create("annotations", _id(), _link("image_id", "images"), _link("reader_id", "users"), _text("mark", 32),
            _text("shape", 16), _json("points"), _text("text", 500),
            sa.Column("removed", sa.Boolean(), nullable=False, server_default=sa.false()), _moment("created_at"),
            sa.CheckConstraint("shape IN ('point', 'box', 'polygon')", name="shape"))
    op.create_index("ix_annotations_image", "annotations", ["image_id", "mark", "id"])
    _refuse_changes("annotations")


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


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _link(name: str, table: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _text(name: str, length: int, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _json(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(none_as_null=True) if nullable else sa.JSON(), nullable=nullable)


def _moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=nullable)
