"""A deletion that takes two administrators, each at a browser of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from portal.extensions import db
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.columns import now
from tests.browser import phone
from tests.browser.conftest import open_window
from tests.browser.test_journey import log_in
from tests.conftest import PASSWORD
from tests.support import worklists
from tests.support.served import EMAIL, add_user, serve

pytestmark = pytest.mark.browser

CHIEF, DEPUTY = "chief@clinic.example", "deputy@clinic.example"
PSEUDONYM = "P-0117"


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    """Two administrators, and two cases of a reader with an image each."""
    with serve(tmp_path, sqlite_template) as (app, address):
        reader = add_user(app)
        add_user(app, CHIEF, "admin")
        add_user(app, DEPUTY, "admin")
        for patient, name in (("P-0116", "kept.png"), (PSEUDONYM, "gone.png")):
            worklists.add_result(app, worklists.add_case(app, reader, patient=patient), name)
        yield app, address


@pytest.fixture
def chief(javascript: bool, browser: Browser, served: tuple[Flask, str]) -> Iterator[Page]:
    with open_window(browser, served[1], javascript) as page:
        enter(page, CHIEF)
        yield page


@pytest.fixture
def deputy(javascript: bool, browser: Browser, served: tuple[Flask, str]) -> Iterator[Page]:
    with open_window(browser, served[1], javascript) as page:
        enter(page, DEPUTY)
        yield page


def enter(page: Page, email: str) -> None:
    log_in(page, email)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")


def part(page: Page, name: str) -> None:
    """Go to a part of the administration by the links that lead there."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Administration").click()
    page.get_by_role("navigation", name="Administration").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def passwords_grow_old(app: Flask) -> None:
    with app.app_context():
        db.session.execute(update(UserSession).values(proven_at=now() - timedelta(hours=1)))
        db.session.commit()


def cases(app: Flask) -> list[str]:
    with app.app_context():
        return [one.patient for one in db.session.query(Case).order_by(Case.id)]


def confirm(page: Page, number: str) -> None:
    page.get_by_label("Number of the case").fill(number)
    page.get_by_role("button", name="Delete the case for good").click()


def test_one_administrator_proposes_and_another_confirms(
        served: tuple[Flask, str], chief: Page, deputy: Page) -> None:
    app = served[0]
    part(chief, "One pseudonym")
    chief.get_by_label("Patient pseudonym").fill(PSEUDONYM)
    chief.get_by_role("button", name="Find").click()
    expect(chief.get_by_role("heading", name="1 case")).to_be_visible()
    chief.get_by_label("Reason").fill("The patient withdrew consent")
    chief.get_by_role("button", name="Propose to delete all of them").click()
    expect(chief.get_by_role("heading", level=1)).to_have_text("Deletions")
    waiting = chief.get_by_role("row", name="Case 2")
    expect(waiting).to_contain_text("Somebody else confirms")
    waiting.get_by_role("link", name="Case 2").click()
    expect(chief.get_by_role("button", name="Delete the case for good")).to_have_count(0)

    part(deputy, "Deletions")
    deputy.get_by_role("row", name="Case 2").get_by_role("link", name="Look and confirm").click()
    expect(deputy.locator("main")).to_contain_text("The patient withdrew consent")
    expect(deputy.locator("main")).to_contain_text("Gone for good")
    confirm(deputy, "1")
    expect(deputy.get_by_role("alert")).to_contain_text("not the number")
    assert cases(app) == ["P-0116", PSEUDONYM]

    passwords_grow_old(app)
    confirm(deputy, "2")
    expect(deputy.get_by_role("heading", level=1)).to_have_text("Your password again")
    deputy.get_by_label("Your password").fill("not the password")
    deputy.get_by_label("Code").fill("000000")
    deputy.get_by_role("button", name="Go on").click()
    expect(deputy.get_by_role("alert")).to_contain_text("not your password")
    assert cases(app) == ["P-0116", PSEUDONYM]
    deputy.get_by_label("Your password").fill(PASSWORD)
    deputy.get_by_label("Code").fill(phone.code(deputy, DEPUTY))
    deputy.get_by_role("button", name="Go on").click()

    expect(deputy.get_by_role("status").first).to_contain_text("Case 2 is deleted")
    expect(deputy.get_by_role("heading", name="What there was")).to_be_visible()
    expect(deputy.locator("main")).to_contain_text("Chief")
    expect(deputy.locator("main")).not_to_contain_text(PSEUDONYM)
    assert cases(app) == ["P-0116"]
    with app.app_context():
        assert [one.name for one in db.session.query(Image)] == ["kept.png"]
    chief.reload()
    expect(chief.get_by_role("heading", name="Deleted", exact=True)).to_be_visible()
    expect(chief.get_by_role("button", name="Withdraw the proposal")).to_have_count(0)


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_on_a_phone_the_parts_are_one_line_that_begins_where_one_is(chief: Page) -> None:
    chief.set_viewport_size({"width": 390, "height": 800})
    chief.goto("/admin/system")
    here = chief.get_by_role("navigation", name="Administration").get_by_role("link", name="System")
    expect(here).to_have_attribute("aria-current", "page")
    expect(here).to_be_in_viewport(ratio=1)
    chief.goto("/admin/users")
    assert chief.evaluate("document.querySelector('.part-nav').clientHeight") < 70
    expect(chief.get_by_role("navigation", name="Administration").get_by_role("link").first).to_be_in_viewport(ratio=1)


def test_readers_are_offered_no_administration(served: tuple[Flask, str], browser: Browser) -> None:
    with open_window(browser, served[1], javascript=True) as page:
        enter(page, EMAIL)
        expect(page.get_by_role("link", name="Administration")).to_have_count(0)
