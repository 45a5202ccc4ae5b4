"""Deletions of cases by two people, which the database itself sees to, and notices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MADE = ("case_deletions", "notices", "notice_dismissals")
# Where the case of a row that is about to go is found.
CASE_OF = {
    "predictions": "JOIN images i ON i.case_id = d.case_id WHERE i.id = OLD.image_id",
    "annotations": "JOIN images i ON i.case_id = d.case_id WHERE i.id = OLD.image_id",
    "reviews": "JOIN images i ON i.case_id = d.case_id JOIN predictions p ON p.image_id = i.id "
               "WHERE p.id = OLD.prediction_id",
    "reports": "WHERE d.case_id = OLD.case_id",
}
NUMBERED = ("cases", "images", "predictions", "reviews", "annotations", "reports")
"""Tables whose numbers stand in the audit: no number is given twice, also when its row is gone."""
ONE_STEP = ("(OLD.state = 'proposed' AND NEW.state IN ('withdrawn', 'confirmed')) OR "
            "(OLD.state = 'confirmed' AND NEW.state = 'done' AND "
            "NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = OLD.case_id)) OR "
            "(OLD.state = 'done' AND NEW.state = 'done' AND OLD.ended_at = NEW.ended_at)")
SAME = ("NEW.id = OLD.id AND NEW.case_id = OLD.case_id AND NEW.owner_id = OLD.owner_id AND NEW.reason = OLD.reason "
        "AND NEW.proposed_by = OLD.proposed_by AND NEW.proposed_at = OLD.proposed_at "
        "AND (OLD.confirmed_by IS NULL OR NEW.confirmed_by = OLD.confirmed_by)")
ENTITLED = ("NEW.state <> 'confirmed' OR (NEW.confirmed_by <> NEW.proposed_by AND EXISTS (SELECT 1 FROM users u "
            "WHERE u.id = NEW.confirmed_by AND u.status = 'approved' AND (u.role = 'admin' OR EXISTS "
            "(SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.owner_id = u.id))))")


def upgrade() -> None:
    _create_tables()
    _guard_deletions()
    for table, case_of in CASE_OF.items():
        op.execute(f"DROP TRIGGER {table}_no_delete")
        _refuse(f"{table}_no_delete", f"BEFORE DELETE ON {table}", f"{table} are never changed or deleted",
                f"EXISTS (SELECT 1 FROM case_deletions d {case_of} AND d.state = 'confirmed')")  # noqa: S608
    _count_on(" AUTOINCREMENT", "")


def downgrade() -> None:
    for table in CASE_OF:
        op.execute(f"DROP TRIGGER {table}_no_delete")
        _refuse(f"{table}_no_delete", f"BEFORE DELETE ON {table}", f"{table} are never changed or deleted", "1 = 0")
    for table in reversed(MADE):
        op.drop_table(table)
    _count_on("", " AUTOINCREMENT")


def _create_tables() -> None:
    _create("case_deletions", _id(), sa.Column("case_id", sa.Integer(), nullable=False), _link("owner_id", "users"),
            _text("reason", 500), _text("state", 16), _link("proposed_by", "users"), _moment("proposed_at"),
            _link("confirmed_by", "users", nullable=True), _link("withdrawn_by", "users", nullable=True),
            _moment("ended_at", nullable=True), _json("counts"), _json("hashes"), _json("files_left"),
            sa.CheckConstraint("state IN ('proposed', 'withdrawn', 'confirmed', 'done')", name="state"),
            sa.CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="four_eyes"))
    op.create_index("ix_case_deletions_case_state", "case_deletions", ["case_id", "state"])
    op.create_index("ix_case_deletions_state", "case_deletions", ["state", "id"])
    _create("notices", _id(), _text("text", 500), _text("audience", 16), _link("written_by", "users", nullable=True),
            _moment("created_at"), _moment("until"),
            sa.CheckConstraint("audience IN ('everybody', 'admin')", name="audience"))
    op.create_index("ix_notices_until", "notices", ["until"])
    _create("notice_dismissals", _key("notice_id", "notices"), _key("user_id", "users"), _moment("at"))


def _guard_deletions() -> None:
    """A proposal begins as one, is confirmed by somebody else who is entitled, and is never taken back afterwards."""
    _refuse("case_deletions_begin", "BEFORE INSERT ON case_deletions", "a deletion begins as a proposal",
            "NEW.state = 'proposed' AND NEW.confirmed_by IS NULL")
    _refuse("case_deletions_step", "BEFORE UPDATE ON case_deletions", "a deletion takes two people and one direction",
            f"({ONE_STEP}) AND ({SAME}) AND ({ENTITLED})")
    _refuse("case_deletions_no_delete", "BEFORE DELETE ON case_deletions", "case_deletions are never deleted", "1 = 0")


def _refuse(name: str, when: str, why: str, unless: str) -> None:
    body = (f"SELECT RAISE(ABORT, '{why}') WHERE NOT ({unless});" if _sqlite() else
            f"IF NOT ({unless}) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{why}'; END IF;")
    op.execute(f"CREATE TRIGGER {name} {when} FOR EACH ROW BEGIN {body} END")


def _count_on(new: str, old: str) -> None:
    """On SQLite a number is given again when the highest row is gone, unless its table counts on. InnoDB always does.

    The stored text of the schema is changed, as https://sqlite.org/lang_altertable.html describes for changes that
    touch no row: copying the tables would lose their triggers and take long where there are many predictions.
    """
    if not _sqlite():
        return
    if new:  # sqlite_sequence comes with the first table that counts on, and stays.
        op.execute("CREATE TABLE counting_on (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        op.execute("DROP TABLE counting_on")
    version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    for table in NUMBERED:
        op.get_bind().execute(
            sa.text("UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE type = 'table' AND name = :name"),
            {"old": f"PRIMARY KEY (id{old})", "new": f"PRIMARY KEY (id{new})", "name": table})
        op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{table}'")  # noqa: S608
        if new:
            op.execute(f"INSERT INTO sqlite_sequence (name, seq) SELECT '{table}', COALESCE(MAX(id), 0) "  # noqa: S608
                       f"FROM {table}")
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _create(name: str, *parts: Any) -> None:
    op.create_table(name, *parts, mysql_engine="InnoDB", mysql_charset="utf8mb4")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), primary_key=True)


def _key(name: str, table: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(f"{table}.id"), primary_key=True)


def _link(name: str, table: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(none_as_null=True))


def _moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=nullable)
