"""The items of a prediction are found by it: without an index, SQLite walks all of them for each that is deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OF_THE_REFERENCE = "fk_work_items_prediction_id"
"""MariaDB made it for the reference and drops it itself for a better one, but not where a downgrade made it."""


def upgrade() -> None:
    op.create_index("ix_work_items_prediction", "work_items", ["prediction_id"])
    if any(one["name"] == OF_THE_REFERENCE for one in sa.inspect(op.get_bind()).get_indexes("work_items")):
        op.drop_index(OF_THE_REFERENCE, "work_items")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":  # MariaDB keeps no reference without an index.
        op.create_index(OF_THE_REFERENCE, "work_items", ["prediction_id"])
    op.drop_index("ix_work_items_prediction", "work_items")
