"""`flask secret …`: what follows from a new SECRET_KEY. No key is ever an argument: others on the machine see those."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError

from portal.services import secret_key
from portal.services.errors import KeyNotReplaced
from portal.services.links import COMMAND_LINE

group = AppGroup("secret", help="The secret key: go over to a new one.")


@group.command("replace")
@click.option("--key-is-lost", is_flag=True, help="Go on although events were signed with a key that nobody has.")
def replace(*, key_is_lost: bool) -> None:
    """Seal anew what was sealed with the key before.

    SECRET_KEY is the new key, and PORTAL_OLD_SECRET_KEYS names the one before it. All or nothing: when something opens
    with none of them, nothing is changed.
    """
    try:
        sealed = secret_key.replace(COMMAND_LINE, current_app.extensions["settings"], key_is_lost=key_is_lost)
    except KeyNotReplaced as problem:
        raise click.ClickException(str(problem)) from problem
    except (OperationalError, ProgrammingError) as problem:
        raise click.ClickException("The database does not answer or has no tables yet. "
                                   "Run “flask db upgrade” first.") from problem
    click.echo(f"Sealed {sealed} {'second factor' if sealed == 1 else 'second factors'} with the new key. Keep the key "
               "before it in PORTAL_OLD_SECRET_KEYS: the audit trail that it signed is verified with it.")
