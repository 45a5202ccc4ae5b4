"""Getting in with a second factor, and a login that is about to end, as somebody at a browser meets them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, request
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from portal.extensions import db
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.cases import Case
from portal.storage.tables.columns import now
from tests.browser import phone
from tests.browser.conftest import Portal, open_window
from tests.browser.looking import keep_picture, too_wide
from tests.browser.test_journey import PASSWORD, fill_passwords, log_in, log_out
from tests.support.served import EMAIL, add_user, serve

pytestmark = pytest.mark.browser

CHIEF = "chief@clinic.example"


def type_password(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(CHIEF)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Type the code")


def type_code(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Log in").click()


def assert_nothing_grave(page: Page, javascript: bool) -> None:
    if javascript:
        assert [one["id"] for one in Axe().run(page).response["violations"]
                if one["impact"] in ("serious", "critical")] == []


def test_a_new_administrators_way_to_a_second_factor_and_back_in(
        page: Page, portal: Portal, javascript: bool) -> None:
    page.goto(portal.setup_link)
    page.get_by_label("Name").fill("Chief")
    page.get_by_label("E-mail").fill(CHIEF)
    fill_passwords(page)
    page.get_by_role("button", name="Create the administrator").click()

    expect(page).to_have_url("/account/second-factor")
    page.goto("/admin/users")
    expect(page).to_have_url("/account/second-factor")
    picture = page.get_by_role("img", name="QR code")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.naturalWidth") > 100
    assert_nothing_grave(page, javascript)
    key = page.locator("#factor-key").inner_text()
    page.get_by_label("Code").fill("000 000")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("alert")).to_contain_text("not the code of this key")
    expect(page.locator("#factor-key")).to_have_text(key)
    codes = phone.set_up(page, CHIEF)
    assert len(set(codes)) == 10
    assert_nothing_grave(page, javascript)
    page.get_by_role("link", name="go on").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
    page.goto("/admin/users")
    expect(page.get_by_role("heading", level=1)).to_have_text("Accounts")
    log_out(page)

    type_password(page)
    assert_nothing_grave(page, javascript)
    page.goto("/admin/users")
    expect(page).to_have_url("/login?next=/admin/users")
    page.goto("/login/code")
    type_code(page, phone.code(page, CHIEF))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
    log_out(page)

    type_password(page)
    type_code(page, codes[4].lower().replace("-", " "))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
    page.goto("/account")
    expect(page.locator("#second-factor")).to_contain_text("9 of 10 recovery codes are left")
    log_out(page)
    type_password(page)
    type_code(page, codes[4])
    expect(page.get_by_role("alert")).to_contain_text("used already")


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    with serve(tmp_path, sqlite_template) as (app, address):
        add_user(app)
        yield app, address


@pytest.fixture
def window(javascript: bool, browser: Browser, served: tuple[Flask, str]) -> Iterator[Page]:
    with open_window(browser, served[1], javascript) as page:
        page.clock.install()
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        yield page


def change_sessions(app: Flask, **values: object) -> None:
    with app.app_context():
        db.session.execute(update(UserSession).values(**values))
        db.session.commit()


@pytest.mark.parametrize("width", [1280, 390])
def test_what_matters_asks_for_password_and_code_and_then_goes_on(
        served: tuple[Flask, str], browser: Browser, javascript: bool, width: int) -> None:
    app, address = served
    add_user(app, CHIEF, "admin")
    with open_window(browser, address, javascript) as page:
        page.set_viewport_size({"width": width, "height": 800})
        type_password(page)
        type_code(page, phone.code(page, CHIEF))
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        page.goto("/account")
        change_sessions(app, proven_at=now() - timedelta(minutes=6))
        page.get_by_label("What the token is for").fill("nightly upload")
        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your password again")
        assert_nothing_grave(page, javascript)
        assert list(too_wide(page)) == []
        keep_picture(page, f"proof-{width}")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("This code is wrong").first).to_be_visible()
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_label("Code").fill(phone.code(page, CHIEF))
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("The token for nightly upload.")).to_be_visible()


def seconds_unseen(app: Flask) -> float:
    with app.app_context():
        return (now() - db.session.query(UserSession).one().seen_at).total_seconds()


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_a_login_that_is_about_to_end_says_so_and_stays_when_asked(served: tuple[Flask, str], window: Page) -> None:
    app, bar = served[0], window.get_by_role("region", name="Your login")
    window.goto("/cases/new")
    note = window.locator("[name=note]")
    note.fill("half a sentence")
    window.clock.fast_forward("10:00")  # typing was being there
    expect(bar).to_be_hidden()
    window.wait_for_timeout(0)
    change_sessions(app, seen_at=now() - timedelta(minutes=14))
    window.clock.fast_forward("20:00")
    expect(bar.get_by_role("status")).to_contain_text("This login ends at")
    assert seconds_unseen(app) > 800
    assert [one["id"] for one in Axe().run(window).response["violations"]
            if one["impact"] in ("serious", "critical")] == []
    expect(window.get_by_label("Note")).to_be_focused()
    window.evaluate("document.querySelector('[data-stay]').focus()")
    window.keyboard.press("Enter")
    expect(bar).to_be_hidden()
    assert seconds_unseen(app) < 60
    change_sessions(app, seen_at=now() - timedelta(hours=1))
    window.clock.fast_forward("20:00")
    expect(bar.get_by_role("status")).to_contain_text("You were logged out")
    expect(bar.get_by_role("link", name="Log in")).to_be_visible()
    expect(note).to_be_hidden()
    expect(note).to_have_value("half a sentence")
    assert_nothing_grave(window, javascript=True)


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_what_is_on_the_screen_is_covered_when_the_login_is_over_and_comes_back_to_its_person_only(
        served: tuple[Flask, str], window: Page) -> None:
    app, bar, note = served[0], window.get_by_role("region", name="Your login"), window.locator("[name=note]")
    add_user(app, "colleague@clinic.example")
    window.goto("/cases/new")
    title = window.title()
    note.fill("half a sentence")
    for email, words in (("", "You were logged out"), ("colleague@clinic.example", "Somebody else is logged in"),
                         (EMAIL, "")):
        window.context.clear_cookies(name="secondread")
        if email:
            other = window.context.new_page()
            log_in(other, email)
            expect(other.get_by_role("heading", level=1)).to_contain_text("Worklist")
            other.close()
        window.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        window.clock.run_for(10)
        if words:
            expect(bar.get_by_role("status")).to_contain_text(words)
            expect(note).to_be_hidden()
            expect(window.get_by_role("heading", level=1)).to_be_hidden()
            assert window.title() == "Logged out · SecondRead"
    expect(note).to_be_visible()
    expect(note).to_have_value("half a sentence")
    expect(note).to_be_focused()
    expect(bar).to_be_hidden()
    assert window.title() == title


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_it_is_covered_too_when_the_portal_does_not_answer_any_more(window: Page) -> None:
    window.goto("/cases/new")
    status = window.get_by_role("region", name="Your login").get_by_role("status")
    window.route("**/account/login*", lambda route: route.abort())
    window.clock.fast_forward("14:00")
    window.wait_for_timeout(50)
    expect(window.get_by_label("Note")).to_be_visible()
    for _ in range(3):
        window.clock.fast_forward("01:00")
        window.wait_for_timeout(50)
    expect(status).to_contain_text("The portal does not answer")
    expect(window.locator("[name=note]")).to_be_hidden()
    window.unroute("**/account/login*")
    window.clock.fast_forward("02:00")
    expect(window.locator("[name=note]")).to_be_visible()


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_a_browser_forgets_what_it_kept_when_somebody_logs_out(served: tuple[Flask, str], window: Page) -> None:
    """And the next person gets in as before. What lies in a browser's cache is asked for by its mark."""
    picture, marks = "/static/img/smear.svg?of=a-patient", []

    def note() -> None:
        if "of" in request.args:
            marks.append(bool(request.if_none_match))

    served[0].before_request_funcs.setdefault(None, []).insert(0, note)
    look = "async (address) => [localStorage.length, (await fetch(address)).ok]"
    window.evaluate("localStorage.setItem('x', '1')")
    assert [window.evaluate(look, picture) for _ in range(2)] == [[1, True]] * 2
    assert marks == [False, True]
    log_out(window)
    expect(window.get_by_role("link", name="Log in").first).to_be_visible()
    assert window.evaluate(look, picture) == [0, True]
    assert marks == [False, True, False]
    log_in(window, EMAIL)
    expect(window.get_by_role("heading", level=1)).to_contain_text("Worklist")


def test_a_case_sent_after_the_login_ended_is_shown_after_the_next_and_sent(
        served: tuple[Flask, str], window: Page, javascript: bool) -> None:
    window.goto("/cases/new")
    window.get_by_label("Patient pseudonym").fill("P-0117")
    window.get_by_label("Specimen").fill("peripheral blood")
    window.get_by_label("Note").fill("two lines\nof a note")
    change_sessions(served[0], seen_at=now() - timedelta(hours=1))
    window.get_by_role("button", name="Open case").click()
    expect(window.locator("main")).to_contain_text("what you typed comes back")
    window.get_by_label("E-mail").fill(EMAIL)
    window.get_by_label("Password", exact=True).fill(PASSWORD)
    window.locator("main button[type=submit]").click()
    expect(window.get_by_role("heading", level=1)).to_have_text("What you had typed")
    expect(window.locator("main")).to_contain_text("of a note")
    assert_nothing_grave(window, javascript)
    with served[0].app_context():
        assert db.session.query(Case).count() == 0
    window.get_by_role("button", name="Send it now").click()
    expect(window.get_by_role("heading", level=1)).to_contain_text("P-0117")
    with served[0].app_context():
        assert db.session.query(Case).one().note.split() == ["two", "lines", "of", "a", "note"]
