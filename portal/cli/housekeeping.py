"""`flask sweep`: removes files that no row stands for. (`flask db upgrade` comes with Flask-Migrate.)"""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.services import housekeeping
from portal.storage.files import FileStore


@click.command("sweep")
@with_appcontext
def group() -> None:
    """Remove image files that were written but never came to a row, an hour after their writing."""
    removed = housekeeping.sweep_files(FileStore(current_app.extensions["settings"].files))
    click.echo(f"Removed {removed} files that no record names.")
