"""Pages of jobs in a browser: they tell how far a job is by themselves, with JavaScript and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, update

from portal.extensions import db
from portal.services.audit import Actor
from portal.services.jobs import queue
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from tests.browser.conftest import open_window
from tests.browser.test_journey import log_in
from tests.support.served import EMAIL, add_user, serve
from tests.support.worklists import add_case, reader_id

pytestmark = pytest.mark.browser
TITLE = "Read the slide one.svs"


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with serve(tmp_path, sqlite_template) as (app, address):
        add_user(app)
        app.config["ADDRESS"] = address
        case = add_case(app, reader_id(app, EMAIL), patient="P-1")
        with app.app_context():
            order = queue.Order(kind="none", title=TITLE, params={}, case_id=case)
            queue.submit(app.extensions["carrier"], Actor(user_id=1), order)
        yield app


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(app: Flask, request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with open_window(browser, app.config["ADDRESS"], request.param) as page:
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        yield page


def change(app: Flask, **values: object) -> None:
    with app.app_context():
        db.session.execute(update(Job).values(**values))
        db.session.commit()


@pytest.mark.parametrize("address", ["/jobs", "/jobs/1", "/cases/1/jobs"])
def test_a_page_tells_by_itself_how_far_a_job_is(app: Flask, page: Page, address: str) -> None:
    page.goto(address)
    told = page.locator("#watched")
    expect(told).to_contain_text("Waits for its turn")
    change(app, state="running", done=30, total=90, worked_s=60.0)
    expect(told).to_contain_text("33 %")
    expect(told).to_contain_text("about 2 minutes of work left")
    change(app, state="done", ended_at=now(), result={})
    expect(told).to_contain_text("Nothing is on its way" if address.startswith("/cases") else "Done")


def test_a_case_tells_by_itself_when_nothing_is_on_its_way(app: Flask, browser: Browser) -> None:
    with open_window(browser, app.config["ADDRESS"], javascript=True) as page:
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        page.goto("/cases/1")
        page.locator("#um_per_px").fill("0.5")
        expect(page.locator("#watched")).to_contain_text(TITLE)
        change(app, state="done", ended_at=now(), result={})
        expect(page.locator("#watched")).to_contain_text("Nothing is on its way")
        expect(page.locator("#um_per_px")).to_have_value("0.5")


def test_a_case_that_asks_by_itself_keeps_nobody_logged_in(app: Flask, browser: Browser) -> None:
    """What it asks for says that nobody may be sitting there."""
    with open_window(browser, app.config["ADDRESS"], javascript=True) as page:
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        page.goto("/cases/1")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        with page.expect_response(lambda answer: urlsplit(answer.url).path == "/cases/1"):
            change(app, state="running", done=30, total=90, worked_s=60.0)
        assert [url for url in asked if urlsplit(url).path.startswith("/cases/1") and "watched=1" not in url] == []


def test_a_login_that_ends_while_a_case_asks_costs_nothing_that_was_typed(app: Flask, browser: Browser) -> None:
    with open_window(browser, app.config["ADDRESS"], javascript=True) as page:
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        page.goto("/cases/1")
        page.locator("#um_per_px").fill("0.5")
        with app.app_context():
            db.session.execute(delete(UserSession))
            db.session.commit()
        expect(page.locator("[data-idle]")).to_contain_text("You were logged out.")
        with page.expect_response("**/login?**"):  # It goes on asking.
            expect(page.locator("main")).to_be_hidden()
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Log in").click()
        log_in(opened.value, EMAIL)
        expect(opened.value.get_by_role("heading", level=1)).to_contain_text("Worklist")
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(page.locator("#um_per_px")).to_have_value("0.5")
        expect(page.locator("main")).to_be_visible()
        change(app, state="done", ended_at=now(), result={})
        expect(page.locator("#watched")).to_contain_text("Nothing is on its way")


def test_a_job_is_cancelled_from_its_page(app: Flask, page: Page) -> None:
    page.goto("/jobs/1")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#watched")).to_contain_text("Cancelled by its owner.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
