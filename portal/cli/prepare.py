"""`flask prepare`: everything between installation and serving, in one process so that a start is quick."""

from __future__ import annotations

import socket
import sys

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from portal.services import housekeeping, links
from portal.storage.files import FileStore


@click.command("prepare")
@with_appcontext
def group() -> None:
    """Check the port, create or migrate the database, tidy up, and print where to go."""
    settings: Settings = current_app.extensions["settings"]
    _check_port(settings)
    try:
        upgrade()
    except SQLAlchemyError as problem:
        sys.exit("SecondRead cannot start. DATABASE_URL: the database does not answer or refuses the login: "
                 f"{problem.__cause__ or problem}")
    housekeeping.sweep_files(FileStore(settings.files))
    address = f"http://{settings.authority}"
    click.echo(f"SecondRead: {address}")
    token = links.create_setup_link()
    if token:
        click.echo(f"There is no administrator yet. Create one here, once: {address}/setup?token={token}")


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as problem:
            sys.exit(f"SecondRead cannot start. HOST and PORT: {settings.authority} cannot be used "
                     f"({problem.strerror}). Stop what uses it, or choose another with PORT=8001 ./run.sh")
