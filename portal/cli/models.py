"""`flask models …`: which models there are, and whether their weights are whole."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import AppGroup

group = AppGroup("models", help="The AI models that this portal serves.")


@group.command("list")
def list_models() -> None:
    """One line per model: key, version, title."""
    for spec in current_app.extensions["engine"].specs():
        click.echo(f"{spec.key}\t{spec.version}\t{spec.title}")


@group.command("verify")
def verify_models() -> None:
    """Check every weight file against its sha256. Exit status 1 when one does not match."""
    states = current_app.extensions["engine"].verify()
    for state in states:
        click.echo(f"{state.key}\t{state.version}\t{'ok' if state.ok else state.problem}")
    sys.exit(0 if all(state.ok for state in states) else 1)
