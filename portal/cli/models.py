"""`flask models …`: which models there are, and whether their weights are whole."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from models.engine import Engine
from models.spec import ModelSpec
from portal.services import activation, offers
from portal.services.errors import PortalError
from portal.services.links import COMMAND_LINE

group = AppGroup("models", help="The AI models that this portal serves.")


@group.command("list")
def list_models() -> None:
    """One line per model: key, version, state, size, whether it only demonstrates, title."""
    engine = current_app.extensions["engine"]
    for row in offers.list_catalogue(engine, _offered(engine)):
        spec = row.spec
        click.echo("\t".join((spec.key, spec.version, row.state, _megabytes(row.bytes),
                              "demonstration" if spec.demonstration else "-", spec.title)))


def _offered(engine: Engine) -> list[ModelSpec]:
    """Without a database nobody has chosen anything yet."""
    try:
        return offers.list_offered(engine)
    except SQLAlchemyError:
        return offers.list_offered(engine, chosen={})


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / 1e6:.1f} MB"


@group.command("verify")
def verify_models() -> None:
    """Check every weight file against its sha256. Exit status 1 when one does not match or a needed one is missing."""
    states = current_app.extensions["engine"].verify()
    for state in states:
        click.echo(f"{state.key}\t{state.version}\t{'ok' if state.ok else state.problem}")
    sys.exit(0 if all(state.ok or state.absent for state in states) else 1)


@group.command("activate")
@click.argument("key")
def activate_model(key: str) -> None:
    """Offer KEY instead of the other members of its family; its files must be whole."""
    try:
        spec = activation.activate(current_app.extensions["engine"], COMMAND_LINE, key)
    except PortalError as problem:
        raise click.ClickException(str(problem)) from problem
    except (OperationalError, ProgrammingError) as problem:
        raise click.ClickException("The database does not answer or has no tables yet. "
                                   "Run “flask db upgrade” first.") from problem
    click.echo(f"{spec.key} {spec.version} is now the one that is offered for {spec.family}.")
