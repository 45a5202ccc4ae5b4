"""Audit events are signed, sealed in a chain, and found by person, action and subject in the order of time.

Events that are there stay as they are, without a signature; the first seals take them in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
PIECE = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
NEW = {"ix_audit_events_actor": ["actor_id", "at"], "ix_audit_events_action": ["action", "at"],
       "ix_audit_events_subject": ["subject", "at"]}
OLD = {"ix_audit_events_actor_id": ["actor_id"]}
RENAMED = "ix_audit_events_action"


def upgrade() -> None:
    op.add_column("audit_events", sa.Column("mac", sa.String(64)))
    op.create_index("uq_audit_events_mac", "audit_events", ["mac"], unique=True)
    op.drop_index(RENAMED, "audit_events")
    for name, columns in NEW.items():
        op.create_index(name, "audit_events", columns)
    for name in OLD:  # after the new ones: MariaDB keeps an index for every reference
        op.drop_index(name, "audit_events")
    op.create_table("audit_seals", sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
                    *(sa.Column(name, sa.Integer(), nullable=False) for name in ("first_id", "last_id")),
                    *(sa.Column(name, sa.JSON(), nullable=False) for name in ("gaps", "late")),
                    sa.Column("digests", PIECE, nullable=False),
                    *(sa.Column(name, sa.String(64), nullable=False) for name in ("previous", "hash", "mac")),
                    sa.Column("sealed_at", MOMENT, nullable=False), mysql_engine="InnoDB", mysql_charset="utf8mb4")
    op.create_index("ix_audit_seals_sealed_at", "audit_seals", ["sealed_at"])
    _refuse_changes("audit_seals")


def downgrade() -> None:
    op.drop_table("audit_seals")
    for name, columns in OLD.items():
        op.create_index(name, "audit_events", columns)
    for name in NEW:
        op.drop_index(name, "audit_events")
    op.create_index(RENAMED, "audit_events", ["action"])
    op.drop_index("uq_audit_events_mac", "audit_events")
    # Not by copying the table, as Alembic would on SQLite: its triggers would be lost.
    op.execute("ALTER TABLE audit_events DROP COLUMN mac")


def _refuse_changes(table: str) -> None:
    """Rows of this table are only ever added: the database itself refuses the rest."""
    body = "SELECT RAISE(ABORT, '{0}');" if op.get_bind().dialect.name == "sqlite" else (
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{0}';")
    for act in ("update", "delete"):
        refusal = body.format(f"{table} are never changed or deleted")
        op.execute(f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
                   f"FOR EACH ROW BEGIN {refusal} END")
