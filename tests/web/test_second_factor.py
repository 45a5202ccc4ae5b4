"""The second factor as a browser sees it: required of administrators, offered to everybody, asked for at the login."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.extensions import db
from portal.services import second_factor
from portal.storage.tables.accounts import User, UserSession
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD
from tests.support.authenticator import fresh_code
from tests.support.client import Client
from tests.support.clock import Clock
from tests.support.programs import Program, make_token
from tests.web.test_cases import open_case
from tests.web.test_routes import address, pages

CHIEF = "chief@clinic.example"
READER = "reader@clinic.example"
SET_UP = "/account/second-factor"
OPEN = {"auth.logout", "second_factor.set_up_form", "second_factor.set_up", "proof.prove_form", "proof.prove",
        "stay.left", "stay.stay", "health.healthz", "health.readyz"}


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None
    return match[1]


def form_of(page: str) -> tuple[str, str]:
    """The key that a page shows, and the field that holds it under seal."""
    key = found(r'id="factor-key">([^<]+)<', page).replace(" ", "")
    return key, found(r'name="sealed"[^>]*value="([^"]*)"', page)


def code_of(key: str) -> str:
    return second_factor.code_at(key, second_factor.step_of(now()))


def set_up(client: Client) -> tuple[str, list[str]]:
    """Key and recovery codes of a second factor that is set up on the page."""
    key, sealed = form_of(client.get(SET_UP).text)
    answer = client.post(SET_UP, {"sealed": sealed, "code": code_of(key)})
    assert answer.status_code == 200
    return key, re.findall(r"<code>([A-Z2-7-]+)</code>", answer.text)


def change_users(app: Flask, **values: object) -> None:
    with app.app_context():
        db.session.execute(update(User).values(**values))
        db.session.commit()


@pytest.fixture
def bare_chief(app: Flask, login: Callable[..., Client]) -> Client:
    """An administrator who has none yet, as after `flask users create`."""
    chief = login(CHIEF, "admin")
    change_users(app, totp_secret=None)
    return chief


def test_an_administrator_without_one_is_led_to_set_it_up_whatever_is_asked(app: Flask, bare_chief: Client) -> None:
    for rule in pages(app):
        if rule.endpoint in OPEN:
            continue
        url = address(rule)
        answer = bare_chief.get(url) if "GET" in (rule.methods or ()) else bare_chief.post(url)
        assert (answer.status_code, answer.location) == (303, SET_UP), rule
    assert bare_chief.get("/healthz").status_code == 200
    assert bare_chief.get("/static/css/tokens.css").status_code == 200


def test_a_form_without_its_token_opens_nothing_to_somebody_without_one(
        app: Flask, login: Callable[..., Client]) -> None:
    """Such a form is answered with the page that it stands on."""
    chief = login(CHIEF, "admin")
    case_id = open_case(chief)
    change_users(app, totp_secret=None)
    forms = [rule for rule in pages(app) if "POST" in (rule.methods or ()) and rule.endpoint not in OPEN]
    for url in [f"/cases/{case_id}/sign", *map(address, forms)]:
        answer = chief.post_without_token(url)
        assert (answer.status_code, answer.location) == (303, SET_UP), url


def test_a_program_is_refused_too_until_it_is_set_up(app: Flask, bare_chief: Client) -> None:
    token = make_token(app, 1)
    assert Program(app, token).ask("GET", "/cases").status_code == 401
    set_up(bare_chief)
    assert Program(app, token).ask("GET", "/cases").status_code == 200


def test_a_clinician_who_becomes_an_administrator_is_led_there_at_once(
        app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    assert reader.get("/cases").status_code == 200
    change_users(app, role="admin")
    assert reader.get("/cases").location == SET_UP


def require_it_of_all(chief: Client) -> None:
    assert chief.post("/admin/settings", {"registration": "y", "second_factor": "y"}).status_code == 303


def test_where_everybody_must_have_one_a_clinician_is_led_there_as_administrators_are(
        app: Flask, login: Callable[..., Client]) -> None:
    reader, chief = login(), login(CHIEF, "admin")
    token = make_token(app, 1)
    assert reader.get("/cases").status_code == 200
    require_it_of_all(chief)
    assert "checked" in found(r'<input([^>]*name="second_factor"[^>]*)>', chief.get("/admin/settings").text)
    for rule in pages(app):
        if rule.endpoint not in OPEN:
            url = address(rule)
            answer = reader.get(url) if "GET" in (rule.methods or ()) else reader.post(url)
            assert (answer.status_code, answer.location) == (303, SET_UP), rule
    assert Program(app, token).ask("GET", "/cases").status_code == 401
    assert "Everybody here logs in with a password and a code" in reader.get(SET_UP).text
    set_up(reader)
    assert reader.get("/cases").status_code == 200
    assert Program(app, token).ask("GET", "/cases").status_code == 200
    assert "Do without" not in reader.get("/account").text
    assert reader.post(f"{SET_UP}/remove").status_code == 404


def test_where_everybody_must_have_one_the_login_leads_there(app: Flask, login: Callable[..., Client]) -> None:
    login()
    require_it_of_all(login(CHIEF, "admin"))
    answer = Client(app).post("/login?next=/cases", {"email": READER, "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, SET_UP)


def test_the_choice_is_recorded_with_old_and_new_and_can_be_taken_back(
        app: Flask, login: Callable[..., Client]) -> None:
    reader, chief = login(), login(CHIEF, "admin")
    require_it_of_all(chief)
    assert reader.get("/cases").location == SET_UP
    chief.post("/admin/settings", {"registration": "y"})
    assert reader.get("/cases").status_code == 200
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "choice.change")
                                    .order_by(AuditEvent.id)).all()
        assert [(one.actor_id, one.subject, one.details) for one in events] == [
            (2, "choice:second-factor", {"old": "administrators", "new": "everybody"}),
            (2, "choice:second-factor", {"old": "everybody", "new": "administrators"})]


def test_an_administrator_sets_it_up_and_everything_opens(bare_chief: Client) -> None:
    page = bare_chief.get(SET_UP)
    assert "Administrators log in with a password and a code" in page.text
    assert 'src="data:image/svg+xml' in page.text
    _, codes = set_up(bare_chief)
    assert len(codes) == 10
    assert bare_chief.get("/admin/users").status_code == 200
    assert not any(code in bare_chief.get("/account").text for code in codes)


def test_the_login_asks_for_the_code_and_leads_on(app: Flask, login: Callable[..., Client]) -> None:
    set_up(login())
    client = Client(app, phone=False)
    answer = client.post("/login?next=/cases?q=P-1", {"email": READER, "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/login/code?next=/cases?q%3DP-1")
    assert client.get("/account").status_code == 302
    assert client.get(answer.location).status_code == 200
    with app.app_context():
        key = second_factor._secret_of(db.session.scalars(select(User)).one(), app.extensions["settings"])
    change_users(app, totp_step=None)
    wrong = client.post(answer.location, {"code": "000000"})
    assert wrong.status_code == 401
    assert "wrong, too old or was used already" in wrong.text
    answer = client.post(answer.location, {"code": code_of(key)})
    assert (answer.status_code, answer.location) == (303, "/cases?q=P-1")
    assert client.get("/account").status_code == 200


def test_a_recovery_code_opens_once_and_is_counted(app: Flask, login: Callable[..., Client]) -> None:
    _, codes = set_up(login())
    for answer_status in (303, 401):
        client = Client(app, phone=False)
        client.post("/login", {"email": READER, "password": PASSWORD})
        assert client.post("/login/code", {"code": codes[3].lower()}).status_code == answer_status
        if answer_status == 303:
            assert "9 of 10 recovery codes are left" in client.get("/account").text


def test_half_a_login_is_none(app: Flask, make_user: Callable[..., int]) -> None:
    make_user(CHIEF, role="admin")
    client = Client(app, phone=False)
    client.post("/login", {"email": CHIEF, "password": PASSWORD})
    for rule in pages(app):
        if app.view_functions[rule.endpoint].guard == "anyone":  # type: ignore[attr-defined]
            continue
        url = address(rule)
        answer = client.get(url) if "GET" in (rule.methods or ()) else client.post(url)
        assert answer.status_code == 302, rule
        assert answer.location.startswith("/login"), rule
    with app.app_context():
        assert db.session.scalars(select(UserSession)).all() == []


def test_half_a_login_ends_the_one_before(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    set_up(reader)
    reader.phone = False
    reader.post("/login", {"email": READER, "password": PASSWORD})
    assert reader.get("/account").status_code == 302


def test_the_code_page_without_a_password_leads_to_the_login(client: Client) -> None:
    assert client.get("/login/code").location == "/login"
    answer = client.post("/login/code", {"code": "123456"})
    assert answer.status_code == 401
    assert "Log in again" in answer.text


def test_many_wrong_codes_wait_with_retry_after(
        app: Flask, make_user: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch).stand()
    make_user(CHIEF, role="admin")
    client = Client(app, phone=False)
    client.post("/login", {"email": CHIEF, "password": PASSWORD})
    statuses = [client.post("/login/code", {"code": "000000"}).status_code for _ in range(5)]
    assert statuses == [401] * 5
    answer = client.post("/login/code", {"code": fresh_code(app, CHIEF)})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_wrong_code_of_a_new_key_keeps_the_key(login: Callable[..., Client]) -> None:
    reader = login()
    key, sealed = form_of(reader.get(SET_UP).text)
    answer = reader.post(SET_UP, {"sealed": sealed, "code": "000000"})
    assert answer.status_code == 400
    assert form_of(answer.text) == (key, sealed)
    stale = reader.post_without_token(SET_UP, {"sealed": sealed, "code": "000000"})
    assert form_of(stale.text) == (key, sealed)


def test_another_persons_key_is_not_taken(app: Flask, login: Callable[..., Client]) -> None:
    key, sealed = form_of(login().get(SET_UP).text)
    other = login("other@clinic.example")
    answer = other.post(SET_UP, {"sealed": sealed, "code": code_of(key)})
    assert answer.status_code == 400
    assert form_of(answer.text)[0] != key


def test_a_clinician_may_do_without_and_an_administrator_not(app: Flask, login: Callable[..., Client]) -> None:
    reader, chief = login(), login(CHIEF, "admin")
    set_up(reader)
    assert reader.post(f"{SET_UP}/remove").status_code == 303
    assert Client(app, phone=False).post("/login", {"email": READER, "password": PASSWORD}).location == "/"
    assert chief.post(f"{SET_UP}/remove").status_code == 404
    assert "Turn it off" not in chief.get("/account").text


def test_new_recovery_codes_end_the_old_ones(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    _, old = set_up(reader)
    page = reader.post(f"{SET_UP}/codes")
    new = re.findall(r"<code>([A-Z2-7-]+)</code>", page.text)
    assert len(new) == 10
    assert not set(new) & set(old)
    client = Client(app, phone=False)
    client.post("/login", {"email": READER, "password": PASSWORD})
    assert client.post("/login/code", {"code": old[0]}).status_code == 401
    assert client.post("/login/code", {"code": new[0]}).status_code == 303
    again = reader.get(f"{SET_UP}/codes")
    assert again.status_code == 200
    assert new[0] not in again.text


def test_an_administrator_resets_anothers_and_not_their_own(app: Flask, login: Callable[..., Client]) -> None:
    reader, chief = login(), login(CHIEF, "admin")
    set_up(reader)
    assert "Reset second factor" in chief.get("/admin/users").text
    assert chief.post("/admin/users/1/second-factor/reset").status_code == 303
    assert reader.get("/account").status_code == 302
    assert Client(app, phone=False).post("/login", {"email": READER, "password": PASSWORD}).location == "/"
    assert chief.post("/admin/users/2/second-factor/reset").status_code == 404
    assert chief.get("/admin/users").status_code == 200
    assert login("third@clinic.example").post("/admin/users/1/second-factor/reset").status_code == 404


def test_the_command_line_resets_it(app: Flask, login: Callable[..., Client]) -> None:
    chief = login(CHIEF, "admin")
    done = app.test_cli_runner().invoke(args=["users", "reset-second-factor", CHIEF])
    assert done.exit_code == 0
    assert "sets up a new second factor" in done.output
    assert chief.get("/account").status_code == 302
    assert app.test_cli_runner().invoke(args=["users", "reset-second-factor", "no@clinic.example"]).exit_code == 1


def test_the_login_gets_a_new_token_with_the_second_factor(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()

    def token() -> str:
        with app.app_context():
            return db.session.scalars(select(UserSession.token_hash)).one()

    before = token()
    set_up(reader)
    assert token() != before


def test_what_was_typed_is_carried_over_the_code_too(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    set_up(reader)
    whose = found(r'name="whose" value="([^"]*)"', reader.get("/cases/new").text)
    with app.app_context():
        db.session.execute(update(UserSession).values(seen_at=now() - timedelta(days=1)))
        db.session.commit()
    typed = {"patient": "P-7", "specimen": "blood", "note": "a long\nnote", "whose": whose}
    page = reader.post("/cases/new", typed)
    assert page.status_code == 401
    reader.phone = False
    carried = found(r'name="carried"[^>]*value="([^"]*)"', page.text)
    page = reader.post("/login", {"email": READER, "password": PASSWORD, "carried": carried})
    assert 'action="/login/code"' in page.text
    with app.app_context():
        key = second_factor._secret_of(db.session.scalars(select(User)).one(), app.extensions["settings"])
    change_users(app, totp_step=None)
    page = reader.post("/login/code", {"code": code_of(key),
                                       "carried": found(r'name="carried"[^>]*value="([^"]*)"', page.text)})
    assert page.status_code == 200
    assert "a long\nnote" in page.text
    assert reader.post("/cases/new", typed).status_code == 303
