"""What operating the portal needs: every reading as a row without its image, and when a worker was last there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LOOKS = ("um_per_px", "brightness", "contrast", "sharpness", "saturation", "density", "score")


def upgrade() -> None:
    op.create_table(
        "model_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("findings", sa.String(200), nullable=False),
        sa.Column("ms", sa.Double(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Double(), nullable=True) for name in LOOKS),
        sa.CheckConstraint("outcome IN ('scored', 'refused', 'failed', 'unreadable')", name="ck_model_runs_outcome"),
        sa.PrimaryKeyConstraint("id", name="pk_model_runs"))
    op.create_index("ix_model_runs_at", "model_runs", ["at"])
    op.create_index("ix_model_runs_version", "model_runs", ["model", "version", "id"])
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heartbeats"))
    # What was read before counts too; how those images looked was not kept.
    op.execute(
        "INSERT INTO model_runs (at, model, version, outcome, reason, findings, ms) "  # noqa: S608
        f"SELECT created_at, model, version, outcome, {_first_code()}, {_first_code()}, ms "
        "FROM predictions ORDER BY id")


def downgrade() -> None:
    op.drop_table("heartbeats")
    op.drop_table("model_runs")


def _first_code() -> str:
    """The refusing finding is the first one."""
    code = "JSON_EXTRACT(findings, '$[0].code')"
    text = code if op.get_bind().dialect.name == "sqlite" else f"JSON_UNQUOTE({code})"
    return f"CASE WHEN outcome = 'refused' THEN SUBSTR(COALESCE({text}, ''), 1, 40) ELSE '' END"
