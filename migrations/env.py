"""Alembic's entry: runs migrations on the portal's own engine, so that settings live in one place, and one at a time.

Who restores hands over a connection to another database (`attributes["connection"]`); who upgrades says what is to be
done before anything is changed (`attributes["first"]`).
"""

from __future__ import annotations

from contextlib import nullcontext

from alembic import context
from flask import current_app
from sqlalchemy import create_engine

from portal.storage.migrating import one_at_a_time


def run() -> None:
    """Run what was asked for in one connection; SQLite alters tables by copying them (batch).

    As the user of PORTAL_MIGRATION_URL where it is set: then the portal's own user may change no table.
    """
    database = current_app.extensions["migrate"].db
    url = current_app.extensions["settings"].migration_url
    engine = create_engine(url, hide_parameters=True) if url else database.engine
    given = context.config.attributes.get("connection")
    head = context.script.get_current_head() or ""
    first = context.config.attributes.get("first", lambda: None)
    with nullcontext(given) if given else one_at_a_time(engine, head, first) as connection:
        context.configure(connection=connection, target_metadata=database.metadata, render_as_batch=True,
                          compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
    if url:
        engine.dispose()


run()
