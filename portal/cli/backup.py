"""`flask backup`, `flask backup-verify`, `flask restore`: one sealed file out, and back into an empty place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from config import Settings, written_settings
from portal.extensions import db
from portal.services.backup.check import read_archive
from portal.services.backup.make import Source, make_backup
from portal.services.backup.restore import WRITTEN, Place, restore
from portal.services.errors import BackupProblem

PASSPHRASE = click.option("--passphrase-file", metavar="FILE", help="Its first line; - reads it from standard input. "
                          "Without it, PORTAL_BACKUP_PASSPHRASE, or it is asked for.")
WITHOUT_KEY = """\
The secret key was not in the backup: everybody logs in again. With the key of then in PORTAL_OLD_SECRET_KEYS second
factors open (“flask secret replace” seals them with the key of here) and the audit trail can be verified; without it
they need a recovery code or “flask users reset-second-factor EMAIL”."""
ENDED_SINCE = """\
What was ended since is valid again: disabled accounts, revoked tokens, old passwords, deleted cases. End them again
(docs/deployment.md, step 7 of a restore)."""
ARCHIVE = click.argument("file", type=click.Path(path_type=Path))


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@PASSPHRASE
@click.option("--with-secrets", is_flag=True, help="Passwords among the settings and the secret key too.")
@with_appcontext
def make(target: Path, passphrase_file: str | None, with_secrets: bool) -> None:
    """Back up everything into one sealed file while the portal runs. TARGET is a new file, or a folder."""
    passphrase = _passphrase(passphrase_file, twice=True)
    source = Source(settings=_settings(), store=current_app.extensions["files"], engine=db.engine,
                    written=written_settings(with_secrets=with_secrets))
    try:
        made = make_backup(source, target, passphrase, with_secrets=with_secrets)
    except BackupProblem as problem:
        sys.exit(str(problem))
    click.echo(f"{made.path}: {made.rows:,} rows and {made.files:,} files, {made.bytes / 1e6:,.1f} MB, "
               f"read back and whole, in {made.seconds:.0f} s.")
    if made.missing:
        click.echo(f"Attention: {len(made.missing)} files are named by rows and are not there. They cannot be in the "
                   f"backup: {', '.join(made.missing[:5])}", err=True)


@click.command("backup-verify")
@ARCHIVE
@PASSPHRASE
@with_appcontext
def verify(file: Path, passphrase_file: str | None) -> None:
    """Read a backup through, every row and file, and restore nothing."""
    _verify(file, _passphrase(passphrase_file))


@click.command("restore")
@ARCHIVE
@PASSPHRASE
@click.option("--check", is_flag=True, help="Only read the backup through, as backup-verify does.")
@click.option("--start-over", is_flag=True, help="Take away what an interrupted restore left, and begin anew.")
@with_appcontext
def back(file: Path, passphrase_file: str | None, check: bool, start_over: bool) -> None:
    """Restore a backup into an empty place: a new PORTAL_INSTANCE and a DATABASE_URL without tables."""
    passphrase = _passphrase(passphrase_file)
    if check:
        _verify(file, passphrase)
        return
    place = Place(settings=_settings(), store=current_app.extensions["files"], engine=db.engine)
    try:
        manifest = restore(place, file, passphrase, start_over)
    except BackupProblem as problem:
        sys.exit(str(problem))
    click.echo(f"Restored. {_told(manifest)}")
    click.echo(f"The settings of then lie in {WRITTEN} in the instance folder: put what you need into .env.")
    if not manifest["secrets"]:
        click.echo(WITHOUT_KEY)
    click.echo(ENDED_SINCE)
    if manifest["audit"].get("head"):
        click.echo(f"The audit trail of then: flask audit verify --anchor {manifest['audit']['head']}")
    click.echo("Start the portal now.")


def _verify(file: Path, passphrase: str) -> None:
    try:
        click.echo(f"This backup is whole. {_told(read_archive(file, passphrase))}")
    except BackupProblem as problem:
        sys.exit(str(problem))


def _told(manifest: dict[str, Any]) -> str:
    rows = sum(table["rows"] for table in manifest["tables"].values())
    missing = len(manifest["missing"])
    return (f"Of {manifest['made_at'][:16].replace('T', ' ')} UTC: {rows:,} rows in {len(manifest['tables'])} tables, "
            f"{manifest['files']:,} files." + (f" {missing} files were missing already then." if missing else ""))


def _passphrase(file: str | None, twice: bool = False) -> str:
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError):
            sys.exit(f"The passphrase cannot be read from {file}.")
    held = _settings().backup_passphrase
    if not held and not sys.stdin.isatty():
        sys.exit("A passphrase is needed: --passphrase-file FILE, or PORTAL_BACKUP_PASSPHRASE.")
    return held or str(click.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=twice))


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
