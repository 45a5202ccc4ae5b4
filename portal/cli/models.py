"""`flask models …`: which models there are, and whether their weights are whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from models.engine import Engine
from models.spec import ModelSpec
from portal.services import activation, offers
from portal.services.errors import NotFound, PortalError
from portal.services.links import COMMAND_LINE

group = AppGroup("models", help="The AI models that this portal serves.")


@group.command("list")
def list_models() -> None:
    """One line per version: key, version, state, size, whether it only demonstrates, title."""
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
    engine = current_app.extensions["engine"]
    states = engine.verify()
    for problem in engine.own_problems():
        click.echo(problem, err=True)
    for state in states:
        click.echo(f"{state.key}\t{state.version}\t{'ok' if state.ok else state.problem}")
    sys.exit(0 if all(state.ok or state.absent for state in states) else 1)


@group.command("activate")
@click.argument("model", metavar="KEY[@VERSION]")
def activate_model(model: str) -> None:
    """Offer KEY instead of its relatives, in its published version unless another is named; its files must be whole."""
    key, _, version = model.partition("@")
    with _told():
        spec = activation.activate(current_app.extensions["engine"], COMMAND_LINE, key, version)
    click.echo(f"{spec.key} {spec.version} is now the one that is offered for {offers.family_of(spec)}.")


@group.command("rollback")
@click.argument("key")
def roll_back_model(key: str) -> None:
    """Offer again what was offered for KEY before the last change."""
    with _told():
        spec = activation.roll_back(current_app.extensions["engine"], COMMAND_LINE, key)
    click.echo(f"{spec.key} {spec.version} is offered again.")


@group.command("install")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def install_model(folder: Path) -> None:
    """Bring in a version that `python -m models.training export` wrote to FOLDER; every file is checked."""
    with _told():
        name = activation.install(COMMAND_LINE, folder, current_app.extensions["settings"].models)
    click.echo(f"{name} is installed. “flask models activate {name}” offers it.")


@contextmanager
def _told() -> Iterator[None]:
    """What can foreseeably go wrong, in one sentence."""
    try:
        yield
    except NotFound as problem:
        raise click.ClickException("There is no such model.") from problem
    except PortalError as problem:
        raise click.ClickException(str(problem)) from problem
    except (OperationalError, ProgrammingError) as problem:
        raise click.ClickException("The database does not answer or has no tables yet. "
                                   "Run “flask db upgrade” first.") from problem
