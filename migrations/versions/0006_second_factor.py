"""A second factor with its recovery codes, when a login last proved its password, and failures found by time alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LARGE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FACTOR = (("totp_secret", sa.String(255)), ("totp_step", LARGE), ("totp_at", MOMENT))


def upgrade() -> None:
    for name, kind in FACTOR:
        op.add_column("users", sa.Column(name, kind))
    op.add_column("sessions", sa.Column("proven_at", MOMENT))
    op.execute("UPDATE sessions SET proven_at = created_at")
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("used_at", MOMENT),
        mysql_engine="InnoDB", mysql_charset="utf8mb4")
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id", "code_hash"], unique=True)
    op.create_index("ix_login_failures_at", "login_failures", ["at"])


def downgrade() -> None:
    op.drop_index("ix_login_failures_at", "login_failures")
    op.drop_table("recovery_codes")
    op.execute("ALTER TABLE sessions DROP COLUMN proven_at")
    for name, _ in FACTOR:
        op.execute(f"ALTER TABLE users DROP COLUMN {name}")
