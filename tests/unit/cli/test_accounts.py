"""`flask users …`: accounts from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from portal.app import create_app
from portal.extensions import db
from portal.services import passwords
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from tests.conftest import PASSWORD, make_settings
from tests.support.client import Client

ADA = "ada@clinic.example"


@pytest.fixture
def users(app: Flask) -> Callable[..., Result]:
    def invoke(*arguments: str, typed: str = "") -> Result:
        return app.test_cli_runner().invoke(args=["users", *arguments], input=typed)

    return invoke


def create(
        users: Callable[..., Result], *more: str, email: str = ADA, typed: str = f"{PASSWORD}\n") -> Result:
    return users("create", email, "--name", "Ada Lovelace", "--password-stdin", *more, typed=typed)


def kept(app: Flask) -> list[tuple[str, str, str]]:
    with app.app_context():
        return [(user.email, user.role, user.status) for user in db.session.scalars(select(User))]


def test_an_account_waits_unless_it_is_made_approved(app: Flask, users: Callable[..., Result]) -> None:
    assert create(users).exit_code == 0
    assert create(users, "--role", "admin", "--approved", email="Boss@Clinic.Example").exit_code == 0
    assert kept(app) == [(ADA, "clinician", "waiting"), ("boss@clinic.example", "admin", "approved")]


def test_the_password_is_the_first_line_as_it_stands(app: Flask, users: Callable[..., Result]) -> None:
    assert create(users, typed=f" {PASSWORD} \r\nignored\n").exit_code == 0
    with app.app_context():
        stored = db.session.scalars(select(User)).one().password_hash
    assert passwords.is_correct(f" {PASSWORD} ", stored, 4)


def test_without_standard_input_the_password_is_asked_for_twice(
        app: Flask, users: Callable[..., Result]) -> None:
    done = users("create", ADA, "--name", "Ada", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert len(kept(app)) == 1


@pytest.mark.parametrize(("email", "typed", "words"), [
    ("ada", PASSWORD, "not an e-mail address"), (ADA, "short", "at least 12 characters"),
    (ADA, "", "at least 12 characters"), (ADA, "password1234", "most common"),
    ("taken@clinic.example", PASSWORD, "already")])
def test_what_cannot_be_made_is_refused_in_one_sentence(
        email: str, typed: str, words: str, users: Callable[..., Result],
        make_user: Callable[..., int]) -> None:
    make_user("taken@clinic.example")
    done = create(users, email=email, typed=typed)
    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_accounts_are_approved_and_disabled_by_address(
        app: Flask, users: Callable[..., Result], make_user: Callable[..., int]) -> None:
    make_user(ADA, status="waiting")
    assert users("approve", " ADA@clinic.example").exit_code == 0
    assert kept(app)[0][2] == "approved"
    assert users("disable", ADA).exit_code == 0
    assert kept(app)[0][2] == "disabled"


@pytest.mark.parametrize("command", ["approve", "disable", "reset-password"])
def test_an_unknown_address_is_named_in_the_error(command: str, users: Callable[..., Result]) -> None:
    done = users(command, ADA)
    assert done.exit_code == 1
    assert f"no account with the address {ADA}" in done.stderr


def test_the_last_administrator_cannot_be_disabled_here_either(
        app: Flask, users: Callable[..., Result], make_user: Callable[..., int]) -> None:
    make_user(ADA, role="admin")
    done = users("disable", ADA)
    assert done.exit_code == 1
    assert "last administrator" in done.stderr
    assert kept(app)[0][2] == "approved"


def test_a_reset_prints_a_link_that_works(
        app: Flask, users: Callable[..., Result], make_user: Callable[..., int]) -> None:
    make_user(ADA)
    link = users("reset-password", ADA, "--base", "https://portal.example/").stdout.strip()
    assert link.startswith("https://portal.example/reset?token=")
    assert Client(app).get(link.removeprefix("https://portal.example")).status_code == 200


def test_the_list_has_one_line_per_account(
        users: Callable[..., Result], make_user: Callable[..., int]) -> None:
    make_user("anna@clinic.example", role="admin")
    make_user("zoe@clinic.example", status="waiting")
    assert users("list").stdout.splitlines() == [
        "zoe@clinic.example\tclinician\twaiting\tZoe", "anna@clinic.example\tadmin\tapproved\tAnna"]


def test_a_setup_link_is_printed_until_there_is_an_administrator(
        app: Flask, users: Callable[..., Result], make_user: Callable[..., int]) -> None:
    link = users("setup-link").stdout.strip()
    assert link.startswith("http://127.0.0.1:8000/setup?token=")
    assert Client(app).get(link.removeprefix("http://127.0.0.1:8000")).status_code == 200
    make_user(ADA, role="admin")
    done = users("setup-link")
    assert (done.exit_code, done.output) == (0, "")


def test_changes_from_the_command_line_are_audited_as_such(app: Flask, users: Callable[..., Result]) -> None:
    create(users)
    users("approve", ADA)
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        assert [(one.action, one.address, one.actor_id) for one in events] == [
            ("user.create", "command line", None), ("user.approve", "command line", None)]


@pytest.mark.parametrize("url", ["", "mysql+pymysql://nobody@127.0.0.1:1/nothing"])
def test_a_database_that_is_away_or_empty_is_told_in_one_sentence(url: str, tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path, url))
    done = app.test_cli_runner().invoke(args=["users", "list"])
    with app.app_context():
        db.engine.dispose()
    assert done.exit_code == 1
    assert "The database does not answer or has no tables yet" in done.stderr


def test_break_glass_prints_a_link_that_opens_an_administrators_account(
        app: Flask, users: Callable[..., Result]) -> None:
    answer = users("break-glass", ADA, "--name", "Ada", "--reason", "lost the telephone", "--base", "https://p.example")
    link = answer.stdout.strip().splitlines()[-1]
    assert link.startswith("https://p.example/reset?token=")
    assert kept(app) == [(ADA, "admin", "approved")]
    assert Client(app).get(link.removeprefix("https://p.example")).status_code == 200


def test_break_glass_says_what_is_no_address(users: Callable[..., Result]) -> None:
    assert users("break-glass", "nobody").exit_code == 1
