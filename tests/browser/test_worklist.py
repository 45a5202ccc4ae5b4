"""The worklist in a browser: filters with and without JavaScript, and a reading without the mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Review
from tests.browser.conftest import open_window
from tests.browser.test_journey import log_in
from tests.support import pictures
from tests.support.served import EMAIL, add_user, serve
from tests.support.worklists import add_case, add_result, reader_id

pytestmark = pytest.mark.browser
IMAGES = 30


def fill(app: Flask) -> None:
    """30 leukemia results of one patient, and one of another system and patient."""
    me = reader_id(app, EMAIL)
    case = add_case(app, me, patient="P-0117", specimen="peripheral blood")
    for number in range(IMAGES):
        add_result(app, case, f"smear-{number:02}.png")
    add_result(app, add_case(app, me, patient="P-other"), "node.png", model="pcam", label="metastatic")
    with app.app_context():
        store = app.extensions["files"]
        for image in db.session.query(Image):
            kept = store.local(image.stored_as)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pictures.encode(draw_smear(3)[:48, :64]))


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    with serve(tmp_path, sqlite_template) as (app, address):
        add_user(app)
        fill(app)
        yield app, address


@pytest.fixture
def app(served: tuple[Flask, str]) -> Flask:
    return served[0]


@pytest.fixture
def page(served: tuple[Flask, str], javascript: bool, browser: Browser) -> Iterator[Page]:
    with open_window(browser, served[1], javascript) as page:
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        yield page


def press(page: Page, key: str) -> None:
    """Once the page says that it has keys."""
    expect(page.locator(".keys")).to_be_visible()
    page.keyboard.press(key)


def test_filters_live_in_the_address_and_survive_paging(page: Page, javascript: bool) -> None:
    expect(page.locator("#work-count")).to_contain_text("31 results")
    page.get_by_text("More filters").click()
    page.get_by_label("System").select_option("leukemia")
    if not javascript:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("#work-count")).to_contain_text("30 results")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".row-link")).to_have_count(IMAGES - 25)
    assert "model=leukemia" in page.url
    page.reload()
    expect(page.locator(".row-link")).to_have_count(IMAGES - 25)
    page.get_by_role("link", name="take this filter away").click()
    expect(page.locator("#work-count")).to_contain_text("31 results")


def test_a_word_is_searched_as_it_is_typed(page: Page, javascript: bool) -> None:
    page.get_by_label("Search").fill("OTHER")
    if not javascript:
        page.get_by_role("button", name="Search").click()
    expect(page.locator(".row-link")).to_have_count(1)
    expect(page.locator("#work-count")).to_contain_text("1 result")
    assert "q=OTHER" in page.url


def test_without_scripts_no_key_is_promised(page: Page, javascript: bool) -> None:
    if javascript:
        expect(page.locator(".keys")).to_be_visible()
    else:
        expect(page.locator(".keys")).to_be_hidden()


@pytest.mark.parametrize("javascript", [True], ids=["javascript"])
class TestKeys:
    def test_rows_pages_and_search(self, page: Page) -> None:
        press(page, "j")
        expect(page.locator(".row-link").nth(0)).to_be_focused()
        press(page, "j")
        press(page, "ArrowDown")
        expect(page.locator(".row-link").nth(2)).to_be_focused()
        press(page, "k")
        expect(page.locator(".row-link").nth(1)).to_be_focused()
        press(page, "/")
        expect(page.get_by_label("Search")).to_be_focused()
        page.keyboard.type("njk?")
        expect(page.get_by_label("Search")).to_have_value("njk?")
        page.get_by_label("Search").fill("")
        page.locator("h1").click()
        press(page, "n")
        expect(page.locator(".row-link")).to_have_count(IMAGES + 1 - 25)
        press(page, "p")
        expect(page.locator(".row-link")).to_have_count(25)

    def test_a_reading_by_keys_leads_to_the_next_that_waits(self, app: Flask, page: Page) -> None:
        press(page, "j")
        press(page, "j")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("smear-29.png")
        press(page, "n")
        expect(page.get_by_role("heading", level=1)).to_contain_text("smear-28.png")
        press(page, "p")
        expect(page.get_by_role("heading", level=1)).to_contain_text("smear-29.png")
        press(page, "o")
        expect(page.get_by_label("I read it differently")).to_be_checked()
        page.locator("h1").click()
        press(page, "a")
        expect(page.get_by_label("Agree")).to_be_checked()
        with app.app_context():
            assert db.session.query(Review).count() == 0
        press(page, "Enter")
        expect(page.locator(".neighbours")).to_contain_text("Next to read")
        with app.app_context():
            assert db.session.query(Review).one().verdict == "agree"
        press(page, "n")
        expect(page.get_by_role("heading", level=1)).to_contain_text("smear-28.png")

    def test_no_key_fires_with_a_modifier_or_once_turned_off(self, page: Page) -> None:
        press(page, "Alt+j")
        press(page, "Control+j")
        assert page.locator(".row-link:focus").count() == 0
        press(page, "?")
        expect(page.get_by_text("Next and previous row")).to_be_visible()
        page.get_by_role("button", name="Turn these keys off").click()
        page.reload()
        press(page, "j")
        assert page.locator(".row-link:focus").count() == 0
