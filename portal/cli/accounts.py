"""`flask users …`: accounts from the command line, also before there is an administrator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError

from config import Settings
from portal.services import accounts, factor_rule, links, second_factor
from portal.services.break_glass import break_glass
from portal.services.errors import PortalError
from portal.services.links import COMMAND_LINE
from portal.storage.tables.accounts import ROLES
from portal.storage.tables.columns import now

group = AppGroup("users", help="Accounts: create, approve, disable, list, set a new password.")


@group.command("create")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", type=click.Choice(ROLES), default="clinician", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@click.option("--approved", is_flag=True, help="Let the account log in at once.")
def create(email: str, name: str, role: str, password_stdin: bool, approved: bool) -> None:
    """Make an account."""
    password = _read_password(password_stdin)
    with _plain_errors():
        accounts.create_account(COMMAND_LINE, name, email, password, role=role, approved=approved,
                                rounds=_settings().bcrypt_rounds)
    click.echo(f"Created {email} as {role}, {'approved' if approved else 'waiting for approval'}.")
    if role == "admin":
        click.echo("The first login sets up a second factor: have a phone with an authenticator app at hand.")


@group.command("approve")
@click.argument("email")
def approve(email: str) -> None:
    """Let an account log in."""
    with _plain_errors():
        user = accounts.approve_user(COMMAND_LINE, accounts.get_by_email(email).id)
        click.echo(f"Approved {user.email}.")


@group.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Close an account and end its logins."""
    with _plain_errors():
        user = accounts.disable_user(COMMAND_LINE, accounts.get_by_email(email).id, now())
        click.echo(f"Disabled {user.email}.")


@group.command("reset-password")
@click.argument("email")
@click.option("--base", metavar="URL", help="The portal's address, as people type it.")
def reset_password(email: str, base: str | None) -> None:
    """Print a link, good once and for 24 hours, that sets a new password."""
    with _plain_errors():
        token = links.create_reset_link(COMMAND_LINE, accounts.get_by_email(email).id, now())
    click.echo(f"{_base(base)}/reset?token={token}")


@group.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Take the second factor from somebody who lost it, and end their logins."""
    with _plain_errors():
        user = second_factor.reset(COMMAND_LINE, accounts.get_by_email(email).id)
    click.echo(f"{user.email} logs in with the password alone"
               + (" and sets up a new second factor then." if factor_rule.is_required(user.role) else "."))


@group.command("break-glass")
@click.argument("email")
@click.option("--name", default="", help="The person's name, for an account that is new.")
@click.option("--reason", default="", help="Why; it is kept in the audit.")
@click.option("--base", metavar="URL", help="The portal's address, as people type it.")
def break_the_glass(email: str, name: str, reason: str, base: str | None) -> None:
    """Make somebody an administrator when nobody can log in; prints a link for the password. Everybody is told."""
    with _plain_errors():
        token = break_glass(COMMAND_LINE, email, name, reason, rounds=_settings().bcrypt_rounds, at=now())
    click.echo("This is recorded, and every administrator is told on every page.", err=True)
    click.echo(f"{_base(base)}/reset?token={token}")


@group.command("list")
def list_all() -> None:
    """One line per account: e-mail, role, status, name; those who wait come first."""
    with _plain_errors():
        for user in accounts.list_users():
            click.echo(f"{user.email}\t{user.role}\t{user.status}\t{user.name}")


@group.command("setup-link")
@click.option("--base", metavar="URL", help="The portal's address, as people type it.")
def setup_link(base: str | None) -> None:
    """Print a link that creates the first administrator; nothing when there is one."""
    with _plain_errors():
        token = links.create_setup_link(COMMAND_LINE, now())
    if token:
        click.echo(f"{_base(base)}/setup?token={token}")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt("Password", type=str, hide_input=True, confirmation_prompt=True)


def _settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def _base(given: str | None) -> str:
    return (given or f"http://{_settings().authority}").rstrip("/")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """One sentence and exit status 1 for what can foreseeably go wrong."""
    try:
        yield
    except PortalError as problem:
        raise click.ClickException(str(problem)) from problem
    except (OperationalError, ProgrammingError) as problem:
        raise click.ClickException("The database does not answer or has no tables yet. "
                                   "Run “flask db upgrade” first.") from problem
