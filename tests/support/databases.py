"""An empty, migrated database per test: a copied file for SQLite, emptied tables for MariaDB."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from portal.extensions import db

SERVER = os.environ.get("PORTAL_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306")
NAME = f"secondread_test_{os.getpid()}"
SCRATCH = f"secondread_scratch_{os.getpid()}"
"""For a portal that a test migrates, or restores, itself."""


def mysql_answers() -> bool:
    engine = create_engine(SERVER, connect_args={"connect_timeout": 2})
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return True


def create_mysql(name: str = NAME) -> str:
    """A new, empty database on the test server; returns its address. Skips when there is no server."""
    if not mysql_answers():
        pytest.skip("no MariaDB or MySQL answers at PORTAL_TEST_MYSQL")
    _on_server(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


def drop_mysql(name: str = NAME) -> None:
    _on_server(f"DROP DATABASE IF EXISTS {name}")


def empty_tables(app: Flask) -> None:
    """TRUNCATE, for the triggers refuse DELETE, and ids begin at 1 again; only what has or had rows, for it is slow."""
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
        used = set(connection.scalars(text("SELECT table_name FROM information_schema.tables "
                                           "WHERE table_schema = DATABASE() AND auto_increment > 1")))
        for table in db.metadata.tables.values():
            if table.name in used or connection.execute(text(f"SELECT 1 FROM {table.name} LIMIT 1")).first():
                connection.execute(text(f"TRUNCATE TABLE {table.name}"))
        connection.execute(text("SET FOREIGN_KEY_CHECKS = 1"))


def migrate(app: Flask, revision: str = "head") -> None:
    """Bring the app's database up to a revision."""
    with app.app_context():
        command.upgrade(_config(app), revision)


def undo(app: Flask, revision: str = "base") -> None:
    """Bring the app's database down to a revision; "base" undoes everything."""
    with app.app_context():
        command.downgrade(_config(app), revision)


def _config(app: Flask) -> Config:
    config: Config = app.extensions["migrate"].migrate.get_config(directory=str(app.root_path) + "/migrations")
    return config


def copy_sqlite(template: Path, target: Path) -> str:
    shutil.copy(template, target)
    return f"sqlite:///{target}"


def _on_server(*statements: str) -> None:
    engine = create_engine(SERVER)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
