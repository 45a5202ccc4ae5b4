"""Lists that stay fast on MariaDB: indexes that hold whole items, and in each case the names of its images."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
COPIED = ("reviewed", "prediction_id", "model", "outcome")
NEW = {"ix_work_items_reader": ("user_id", *COPIED, "case_id"),
       "ix_work_items_case_reader": ("case_id", "user_id", *COPIED),
       "ix_work_items_model": ("user_id", "model", "case_id", "reviewed", "outcome")}
OLD = {"ix_work_items_list": ("user_id", "reviewed", "prediction_id"), "ix_work_items_case": ("case_id", "user_id")}


def upgrade() -> None:
    _replace(OLD, NEW)
    op.add_column("cases", sa.Column("image_names", LONG))
    # Before the row and not after it: its reference to the case would lock that case for reading first, and two
    # uploads at once would wait for each other.
    op.execute(f"CREATE TRIGGER images_tell_name BEFORE INSERT ON images FOR EACH ROW BEGIN {_added()}; END")
    op.execute(f"UPDATE cases SET image_names = (SELECT {_joined()} FROM images WHERE case_id = cases.id)")  # noqa: S608


def downgrade() -> None:
    op.execute("DROP TRIGGER images_tell_name")
    op.execute("ALTER TABLE cases DROP COLUMN image_names")
    _replace(NEW, OLD)


def _replace(old: dict[str, tuple[str, ...]], new: dict[str, tuple[str, ...]]) -> None:
    """The new ones first: MariaDB keeps an index for every reference."""
    for name, columns in new.items():
        op.create_index(name, "work_items", list(columns))
    for name in old:
        op.drop_index(name, "work_items")


def _added() -> str:
    names = "COALESCE(image_names, '')"
    longer = f"{names} || NEW.name || char(10)" if _sqlite() else f"CONCAT({names}, NEW.name, CHAR(10 USING utf8mb4))"
    return f"UPDATE cases SET image_names = {longer} WHERE id = NEW.case_id"  # noqa: S608


def _joined() -> str:
    if _sqlite():
        return "group_concat(name || char(10), '')"
    op.execute("SET SESSION group_concat_max_len = 16000000")
    return "GROUP_CONCAT(CONCAT(name, CHAR(10 USING utf8mb4)) SEPARATOR '')"


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
