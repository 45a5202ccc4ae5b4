"""`flask secret replace`: what the key before had sealed opens with the new one alone, or nothing is changed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.services import audit
from portal.services.chain import keeper
from portal.services.sealed import seal, unseal
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD
from tests.support.authenticator import SECRET, fresh_code
from tests.support.client import Client

BEFORE, NEW, UNKNOWN = "k" * 40, "n" * 40, "u" * 40
ADA, BEN = "ada@clinic.example", "ben@clinic.example"


@pytest.fixture
def people(app: Flask, make_user: Callable[..., int]) -> tuple[int, int]:
    """Two with a second factor, one without, and events that the key before signed and sealed."""
    ids = make_user(ADA, role="admin"), make_user(BEN, role="admin")
    make_user()
    with app.app_context():
        audit.record(audit.Actor(), "test")
        db.session.commit()
        keeper.seal_pending()
    return ids


def use_keys(app: Flask, key: str, *before: str) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], secret_key=key, old_secret_keys=before)


def run(app: Flask, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["secret", "replace", *options])


def kept(app: Flask) -> dict[int, str]:
    with app.app_context():
        return {user.id: user.totp_secret for user in db.session.scalars(select(User)) if user.totp_secret}


def put(app: Flask, user_id: int, text: str) -> None:
    with app.app_context():
        db.session.get_one(User, user_id).totp_secret = text
        db.session.commit()


def names_key(text: str) -> str:
    return text.split(".")[1]


def test_what_the_key_before_had_sealed_opens_with_the_new_one_alone(app: Flask, people: tuple[int, int]) -> None:
    was = kept(app)
    use_keys(app, NEW, BEFORE)
    done = run(app)
    assert done.exit_code == 0, done.output
    assert "Sealed 2 second factors with the new key" in done.output
    assert {number: unseal([NEW], number, text) for number, text in kept(app).items()} == dict.fromkeys(people, SECRET)
    assert {names_key(text) for text in kept(app).values()}.isdisjoint(names_key(text) for text in was.values())
    for word in (BEFORE, NEW, SECRET):
        assert word not in done.output


def test_the_audit_trail_tells_of_it_and_stays_in_order(app: Flask, people: tuple[int, int]) -> None:
    use_keys(app, NEW, BEFORE)
    run(app)
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "secret.replace")).one()
        assert event.details == {"key": keeper.keys().current.name, "before": 1}
        assert keeper.verify().ok


def test_codes_work_before_and_after_and_with_it_a_login(app: Flask, people: tuple[int, int]) -> None:
    use_keys(app, NEW, BEFORE)
    for step in ("between", "after"):
        client = Client(app)
        assert client.post("/login", {"email": ADA, "password": PASSWORD}).status_code == 303, step
        assert client.get("/admin/users").status_code == 200, step
        run(app)
    use_keys(app, NEW)
    assert fresh_code(app, ADA)
    assert Client(app).post("/login", {"email": ADA, "password": PASSWORD}).status_code == 303


def test_one_that_opens_with_no_key_stops_all_of_it_and_is_named(app: Flask, people: tuple[int, int]) -> None:
    put(app, people[1], seal(UNKNOWN, people[1], SECRET))
    was = kept(app)
    use_keys(app, NEW, BEFORE)
    done = run(app)
    assert done.exit_code == 1
    assert f"opens with none of the keys for: {BEN}." in done.output
    assert kept(app) == was
    with app.app_context():
        assert "secret.replace" not in db.session.scalars(select(AuditEvent.action)).all()
    use_keys(app, NEW, BEFORE, UNKNOWN)
    assert run(app).exit_code == 0
    assert unseal([NEW], people[1], kept(app)[people[1]]) == SECRET


def test_texts_from_before_keys_had_names_are_taken_over(app: Flask, people: tuple[int, int]) -> None:
    for number in people:
        text = seal(BEFORE, number, SECRET).rpartition(".")[2]
        base64.b64decode(text, validate=True)
        put(app, number, text)
        assert unseal([NEW, BEFORE], number, text) == SECRET
    use_keys(app, NEW, UNKNOWN, BEFORE)
    assert run(app).exit_code == 0
    assert {unseal([NEW], number, text) for number, text in kept(app).items()} == {SECRET}


@pytest.mark.parametrize(("before", "words"), [
    ((), "There is no key from before"), ((UNKNOWN,), "signed with a key that is not named")])
def test_without_the_key_before_nothing_is_changed(
        app: Flask, people: tuple[int, int], before: tuple[str, ...], words: str) -> None:
    was = kept(app)
    use_keys(app, NEW, *before)
    done = run(app)
    assert done.exit_code == 1
    assert words in " ".join(done.output.split())
    assert kept(app) == was


def test_a_key_that_nobody_has_any_more_stops_nothing_where_that_is_said(app: Flask, people: tuple[int, int]) -> None:
    """The trail was signed with a key that is lost, and the second factors are sealed with a later one."""
    for user_id in people:
        put(app, user_id, seal(UNKNOWN, user_id, SECRET))
    use_keys(app, NEW, UNKNOWN)
    assert run(app).exit_code == 1
    done = run(app, "--key-is-lost")
    assert (done.exit_code, "Sealed 2" in done.output) == (0, True), done.output
    assert {unseal((NEW,), user_id, kept(app)[user_id]) for user_id in people} == {SECRET}


def test_twice_does_no_harm_and_a_new_factor_has_the_new_key(app: Flask, people: tuple[int, int]) -> None:
    use_keys(app, NEW, BEFORE)
    assert [run(app).exit_code for _ in range(2)] == [0, 0]
    assert {names_key(text) for text in kept(app).values()} == {names_key(seal(NEW, 1, "x"))}
    with app.app_context():
        assert db.session.get_one(User, people[0]).totp_at <= now()
