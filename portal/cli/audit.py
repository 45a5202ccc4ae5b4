"""`flask audit …`: whether somebody interfered with the audit trail, and what the database must allow."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError

from portal.services import audit_log, grants
from portal.services.chain import keeper
from portal.services.chain.keeper import Verdict
from portal.services.links import COMMAND_LINE

group = AppGroup("audit", help="The audit trail: verify it, seal it, and what the database must allow.")


@group.command("verify")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.option("--anchor", metavar="NUMBER:HASH", default="", help="A head that an earlier verifying printed: finds a "
                                                                  "trail that was cut or written anew since.")
def verify(as_json: bool, anchor: str) -> None:
    """Look at every event. Exit status 1 when one was changed, removed, inserted or moved.

    Keep the printed head outside this machine: only it shows that the end of the trail was cut off.
    """
    try:
        verdict = audit_log.verify(COMMAND_LINE, anchor)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--anchor") from problem
    except (OperationalError, ProgrammingError) as problem:
        raise click.ClickException("The database does not answer or has no tables yet. "
                                   "Run “flask db upgrade” first.") from problem
    _tell_json(verdict) if as_json else _tell(verdict)
    sys.exit(0 if verdict.ok else 1)


@group.command("seal")
def seal() -> None:
    """Seal what is not sealed yet; the worker does so by itself."""
    made = keeper.seal_pending()
    click.echo(f"Made {made} {'seal' if made == 1 else 'seals'}.")


@group.command("grants")
@click.argument("user", metavar="USER@HOST")
@click.option("--database", default="secondread", show_default=True, help="The database's name on the server.")
def show_grants(user: str, database: str) -> None:
    """Print the GRANT statements for the MariaDB user of the serving processes."""
    name, _, host = user.partition("@")
    try:
        click.echo("\n".join(grants.statements(database, name, host or "%")))
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem


def _tell_json(verdict: Verdict) -> None:
    click.echo(json.dumps({"ok": verdict.ok, **asdict(verdict)}))


def _tell(verdict: Verdict) -> None:
    for one in verdict.findings:
        click.echo(one.text)
    if verdict.cut:
        click.echo("There is more.")
    click.echo(f"{verdict.events} events, {verdict.sealed} of them under {verdict.seals} seals: "
               + ("all in order." if verdict.ok else f"{len(verdict.findings)} findings."))
    click.echo(f"head {verdict.head or '-'}")
