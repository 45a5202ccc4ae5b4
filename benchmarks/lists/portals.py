"""A migrated portal on an empty database of its own, SQLite or MariaDB, gone afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from alembic import command
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from config import Settings
from portal.app import create_app
from portal.extensions import db

NAME = f"secondread_lists_{os.getpid()}"


@contextmanager
def portal_on(database: str, folder: Path, server: str) -> Iterator[Flask]:
    """`database` is "sqlite" or "mariadb"; the latter is made on `server`."""
    if database == "sqlite":
        url = f"sqlite:///{folder / 'lists.sqlite3'}"
    else:
        _on_server(server, f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
        url = make_url(server).set(database=NAME).render_as_string(hide_password=False)
    app = create_app(_settings(folder, url))
    app.testing = True
    try:
        with app.app_context():
            config = app.extensions["migrate"].migrate.get_config(directory=str(Path(app.root_path) / "migrations"))
            command.upgrade(config, "head")
        yield app
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        if database != "sqlite":
            _on_server(server, f"DROP DATABASE IF EXISTS {NAME}")


def _on_server(server: str, *statements: str) -> None:
    engine = create_engine(server)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _settings(folder: Path, url: str) -> Settings:
    return Settings(
        instance=folder, database_url=url, secret_key="k" * 40, host="127.0.0.1", port=8000,
        max_image_bytes=4_000_000, max_image_pixels=20_000_000, max_upload_files=200,
        session_idle=timedelta(hours=12), session_absolute=timedelta(hours=12), remember=timedelta(days=7),
        bcrypt_rounds=4, secure_cookies=False, trusted_proxies=0, inference_threads=1)
