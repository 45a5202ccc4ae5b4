"""A row for each daily backup."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "backups",
        sa.Column("id", sa.Integer(), nullable=False), sa.Column("day", sa.String(10), nullable=False),
        sa.Column("state", sa.String(16), nullable=False), sa.Column("token", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False), sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False), sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False), sa.Column("ended_at", MOMENT),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name="ck_backups_state"),
        sa.PrimaryKeyConstraint("id", name="pk_backups"), sa.UniqueConstraint("day", name="uq_backups_day"),
        mysql_charset="utf8mb4", mysql_engine="InnoDB")


def downgrade() -> None:
    op.drop_table("backups")
