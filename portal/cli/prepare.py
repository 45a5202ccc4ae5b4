"""`flask prepare`: everything between installation and serving, in one process so that a start is quick."""

from __future__ import annotations

import socket
import sys

import click
from alembic import command
from alembic.util import CommandError
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from config import Settings, written_settings
from portal.extensions import db
from portal.services import housekeeping, links
from portal.services.backup.make import Source, make_backup, path_in
from portal.services.backup.restore import refuse_half
from portal.services.chain import keeper
from portal.services.errors import BackupProblem
from portal.storage.files import Files
from portal.storage.migrating import HalfMigrated
from portal.storage.tables.columns import now


@click.command("prepare")
@with_appcontext
def group() -> None:
    """Check the port, create or migrate the database, tidy up, and print where to go."""
    settings: Settings = current_app.extensions["settings"]
    _check_port(settings)
    try:
        refuse_half(settings)
    except BackupProblem as problem:
        sys.exit(f"SecondRead cannot start. {problem}")
    try:
        config = current_app.extensions["migrate"].migrate.get_config()
        config.attributes["first"] = lambda: _back_up(settings)
        # Flask-Migrate's own command would end here, without the sentences below.
        command.upgrade(config, "head")
    except (HalfMigrated, CommandError) as problem:
        sys.exit(f"SecondRead cannot start. {problem}")
    except BackupProblem as problem:
        sys.exit(f"SecondRead cannot start. The backup before the upgrade failed, and nothing was changed: {problem}")
    except SQLAlchemyError as problem:
        sys.exit("SecondRead cannot start. DATABASE_URL: the database does not answer or refuses the login: "
                 f"{problem.__cause__ or problem}")
    keeper.seal_pending()
    _look_after_files(current_app.extensions["files"])
    address = f"http://{settings.authority}"
    click.echo(f"SecondRead: {address}")
    token = links.create_setup_link()
    if token:
        click.echo(f"There is no administrator yet. Create one here, once: {address}/setup?token={token}")


def _back_up(settings: Settings) -> None:
    """An upgrade changes tables; where there is a place for backups, it begins with one, while nobody else migrates."""
    if settings.backup_folder is None:
        if db.engine.dialect.name != "sqlite":
            click.echo("Attention: the database is upgraded without a backup. Set PORTAL_BACKUP_FOLDER.", err=True)
        return
    source = Source(settings=settings, store=current_app.extensions["files"], engine=db.engine,
                    written=written_settings(with_secrets=settings.backup_secrets))
    made = make_backup(source, path_in(settings.backup_folder, now()), settings.backup_passphrase,
                       with_secrets=settings.backup_secrets)
    click.echo(f"Backed up before the upgrade: {made.path}")


def _look_after_files(files: Files) -> None:
    try:
        files.check()
        housekeeping.sweep_files(files)
    except OSError as problem:
        sys.exit(f"SecondRead cannot start. PORTAL_FILES: files cannot be kept there: {problem}")


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as problem:
            sys.exit(f"SecondRead cannot start. HOST and PORT: {settings.authority} cannot be used "
                     f"({problem.strerror}). Stop what uses it, or choose another with PORT=8001 ./run.sh")
