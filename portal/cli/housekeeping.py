"""`flask sweep`: removes files that no row stands for. (`flask db upgrade` comes with Flask-Migrate.)"""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from config import Settings
from portal.services import housekeeping
from portal.storage.tables.columns import now


@click.command("sweep")
@with_appcontext
def group() -> None:
    """Remove image files that were written but never came to a row, an hour after their writing, and
    those that jobs made more than a week ago.
    """
    settings: Settings = current_app.extensions["settings"]
    files = current_app.extensions["files"]
    removed = housekeeping.sweep_files(files)
    click.echo(f"Removed {removed} files that no record names.")
    old = housekeeping.remove_old_products(files, now())
    housekeeping.clear_workshops(settings)
    click.echo(f"Removed {old} files that jobs made more than {housekeeping.FILE_KEPT.days} days ago.")
