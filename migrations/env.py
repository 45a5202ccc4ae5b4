"""Alembic's entry: runs migrations on the portal's own engine, so that settings live in one place."""

from __future__ import annotations

from alembic import context
from flask import current_app


def run() -> None:
    """Run what was asked for in one connection; SQLite alters tables by copying them (batch)."""
    database = current_app.extensions["migrate"].db
    with database.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=database.metadata, render_as_batch=True,
                          compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
