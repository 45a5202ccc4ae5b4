"""An empty database filled with the rows of a backup, at the migration that they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, inspect, table, text

from config import ROOT
from portal.storage import snapshots

AT_ONCE = 500


def config_of(connection: Connection | None = None) -> Config:
    """Alembic's own settings, without a file for them; for this connection instead of the portal's."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def is_known(revision: str) -> bool:
    """Whether this version of the portal has the migration."""
    return any(one.revision == revision for one in ScriptDirectory.from_config(config_of()).walk_revisions())


def newest() -> str:
    """The migration that this version of the portal works with."""
    return str(ScriptDirectory.from_config(config_of()).get_current_head())


def is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def create_tables(connection: Connection, revision: str) -> None:
    """The tables as they were at a migration, without a row. Commits."""
    command.upgrade(config_of(connection), revision)
    connection.commit()


def take_triggers_away(connection: Connection) -> list[str]:
    """Drop every trigger, so that what they wrote once is not written twice. Returns how to make them again."""
    again = []
    if connection.dialect.name == "sqlite":
        found = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        for name, made_by in connection.execute(found).all():
            again.append(str(made_by))
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    else:
        for row in connection.exec_driver_sql("SHOW TRIGGERS").mappings().all():
            shown = connection.exec_driver_sql(f"SHOW CREATE TRIGGER `{row['Trigger']}`").mappings().one()
            # Whoever defined them there need not exist here.
            again.append("CREATE TRIGGER" + str(shown["SQL Original Statement"]).partition(" TRIGGER")[2]
                         if "DEFINER" in shown["SQL Original Statement"] else str(shown["SQL Original Statement"]))
            connection.exec_driver_sql(f"DROP TRIGGER `{row['Trigger']}`")
    for name in inspect(connection).get_table_names():
        if name != "alembic_version":  # A migration may have put rows into its tables.
            connection.exec_driver_sql(f"DELETE FROM {_quoted(connection, name)}")  # noqa: S608  # nosec B608
    connection.commit()
    return again


def bring_triggers_back(connection: Connection, again: Sequence[str]) -> None:
    for statement in again:
        connection.exec_driver_sql(statement.replace("%", "%%") if connection.dialect.name != "sqlite" else statement)
    connection.commit()


def without_references(connection: Connection) -> None:
    """Let rows come in any order, on this connection; the snapshot that they come from kept their references."""
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF" if connection.dialect.name == "sqlite"
                               else "SET SESSION foreign_key_checks = 0")
    connection.commit()


def add_rows(connection: Connection, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows as they are, a few hundred at a time. Commits."""
    statement = table(name, *(column(one) for one in columns)).insert()
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(dict(zip(columns, row, strict=True)))
        if len(held) == AT_ONCE:
            connection.execute(statement, held)
            held = []
    if held:
        connection.execute(statement, held)
    connection.commit()


def count_on(connection: Connection, highest: Mapping[str, int]) -> None:
    """Let each table's next number follow on the highest it ever gave, whose row may be gone. Commits.

    Tables that the database does not count on are left as they are; a number is never set back.
    """
    for name in sorted(set(snapshots.highest_numbers(connection)) & set(highest)):
        number = int(highest[name])
        if connection.dialect.name == "sqlite":
            connection.execute(text("UPDATE sqlite_sequence SET seq = MAX(seq, :number) WHERE name = :name"),
                               {"number": number, "name": name})
        else:  # InnoDB takes no number below its rows'.
            connection.exec_driver_sql(f"ALTER TABLE {_quoted(connection, name)} AUTO_INCREMENT = {number + 1}")
    connection.commit()


def drop_all(connection: Connection) -> None:
    """Take every table away again. Only for a database that was empty before."""
    without_references(connection)
    for name in inspect(connection).get_table_names():
        connection.exec_driver_sql(f"DROP TABLE {_quoted(connection, name)}")
    connection.commit()


def finish_sqlite(connection: Connection) -> None:
    """All of it into the one file, so that it can be moved."""
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.exec_driver_sql("PRAGMA journal_mode = DELETE")


def remove_sqlite(path: Path) -> None:
    for side in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + side).unlink(missing_ok=True)


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def step_after(revision: str) -> str:
    """The migration that follows on this one, by its file's name."""
    following = [one for one in ScriptDirectory.from_config(config_of()).walk_revisions()
                 if (one.down_revision or "") == revision]
    return Path(following[0].path).stem if following else "that this version does not know"
