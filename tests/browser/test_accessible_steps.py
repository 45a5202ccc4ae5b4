"""Pages that no address shows by itself, as axe-core sees them: steps of a login, a doubted pseudonym, bars on top."""

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
from portal.storage.tables.columns import now
from portal.storage.tables.notices import Notice
from tests.browser.conftest import open_window
from tests.browser.looking import Finding, look
from tests.browser.test_journey import log_in
from tests.conftest import PASSWORD
from tests.support.served import EMAIL, add_user, serve
from tests.support.worklists import add_case

pytestmark = pytest.mark.browser

CHIEF, CHIEF_ID = "chief@clinic.example", 2


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    with serve(tmp_path, sqlite_template) as (app, address):
        reader = add_user(app)
        assert add_user(app, CHIEF, "admin") == CHIEF_ID
        add_case(app, reader)
        yield app, address


@pytest.fixture
def window(browser: Browser, served: tuple[Flask, str]) -> Iterator[Page]:
    with open_window(browser, served[1], javascript=True) as page:
        yield page


def assert_nothing(findings: list[Finding]) -> None:
    assert not findings, "\n".join(map(str, findings))


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def test_a_pseudonym_that_is_doubted(window: Page) -> None:
    log_in(window, EMAIL)
    window.goto("/cases/new")
    window.get_by_label("Patient pseudonym").fill("Anna Schmidt 12.03.1961")
    window.get_by_label("Specimen").fill("blood")
    window.get_by_label("Specimen").press("Tab")
    expect(window.locator("[data-doubts]")).to_be_visible()
    findings = look(window, "clinician doubt while typing")
    window.get_by_role("button", name="Open case").click()
    expect(window.get_by_role("alert")).to_contain_text("Is this a pseudonym?")
    assert_nothing(findings + look(window, "clinician doubt"))


def test_an_administrators_steps(window: Page, served: tuple[Flask, str]) -> None:
    window.goto("/login")
    window.get_by_label("E-mail").fill(CHIEF)
    window.get_by_label("Password", exact=True).fill(PASSWORD)
    window.locator("main button[type=submit]").click()
    heading(window, "Type the code")
    findings = look(window, "stranger code")
    log_in(window, CHIEF)
    window.goto("/admin/pseudonym")
    window.get_by_label("Patient pseudonym").fill("P-1")
    window.get_by_role("button", name="Find").click()
    expect(window.get_by_role("heading", name="1 case")).to_be_visible()
    findings += look(window, "administrator pseudonym found")
    window.goto("/account")
    window.get_by_role("button", name="New recovery codes").click()
    heading(window, "Recovery codes")
    findings += look(window, "administrator recovery codes")
    with served[0].app_context():
        db.session.execute(update(UserSession).values(proven_at=now() - timedelta(hours=1)))
        db.session.commit()
    window.goto("/account")
    window.get_by_role("button", name="New recovery codes").click()
    heading(window, "Your password again")
    assert_nothing(findings + look(window, "administrator password again"))


def test_what_lies_over_every_page(window: Page, served: tuple[Flask, str]) -> None:
    """A notice on top, and the bar of a login that ends."""
    with served[0].app_context():
        db.session.add(Notice(text="The portal is off on Saturday from 8 to 10. " * 6, written_by=CHIEF_ID,
                              until=now() + timedelta(days=1)))
        db.session.commit()
    log_in(window, EMAIL)
    window.goto("/cases/new")
    window.evaluate("""() => {
      const bar = document.querySelector("[data-idle]");
      bar.hidden = false;
      bar.querySelector("[data-words]").textContent = "Nobody seems to be here. This login ends at 10:42.";
    }""")
    findings = look(window, "clinician notice and end of the login")
    window.get_by_role("button", name="Dismiss").click()
    expect(window.get_by_role("complementary", name="Notice")).to_have_count(0)
    assert_nothing(findings)
