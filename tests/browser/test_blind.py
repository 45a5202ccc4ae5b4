"""A case read blind, from opening it to the reveal, by its owner and by a colleague."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import open_window
from tests.browser.test_journey import log_in, upload
from tests.support import pictures
from tests.support.served import add_user, serve

pytestmark = pytest.mark.browser

HIDDEN = "Hidden until you read it"


@pytest.fixture
def address(tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """A portal in this process, with an owner and a colleague."""
    with serve(tmp_path, sqlite_template) as (app, address):
        for name in ("owner", "colleague"):
            add_user(app, f"{name}@clinic.example")
        yield address


@pytest.fixture
def owner(javascript: bool, browser: Browser, address: str) -> Iterator[Page]:
    with open_window(browser, address, javascript) as page:
        log_in(page, "owner@clinic.example")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        yield page


def open_blind_case(page: Page, *images: Path) -> str:
    page.goto("/cases/new")
    page.get_by_label("Patient pseudonym").fill("P-0117")
    page.get_by_label("Specimen").fill("peripheral blood")
    page.get_by_label("Read blind first").check()
    page.get_by_role("button", name="Open case").click()
    expect(page.locator("main")).to_contain_text("Blind-first reading")
    case = page.url
    page.wait_for_load_state()
    upload(page, *images)
    # The first image waits for the model to be loaded.
    expect(page.locator("#case-images").get_by_text(HIDDEN)).to_have_count(len(images))
    page.goto(case)
    return case


def sees_nothing(page: Page, case: str) -> None:
    """Neither in the case nor on the result's page, in words or in pictures."""
    page.goto(case)
    expect(page.locator("#case-images")).to_contain_text(HIDDEN)
    page.locator("#case-images").get_by_role("link", name="one.png").first.click()
    expect(page.locator("main")).to_contain_text("Read the image first")
    expect(page.locator(".bars")).to_have_count(0)
    expect(page.locator("img[src*='heatmap']")).to_have_count(0)


def read_as(page: Page, label: str) -> None:
    page.get_by_label("Record my reading").check()
    page.get_by_label("Class").select_option(label)
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator(".bars").first).to_be_visible()
    expect(page.locator("img[src*='heatmap']").first).to_be_visible()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "one.png"
    path.write_bytes(pictures.smear())
    return path


def test_two_readers_read_blind_one_after_the_other(
        owner: Page, javascript: bool, browser: Browser, address: str, image: Path) -> None:
    case = open_blind_case(owner, image)
    sees_nothing(owner, case)
    read_as(owner, "Pro")
    owner.goto(case)
    owner.get_by_label("Colleague").select_option("Colleague")
    owner.get_by_role("button", name="Share the case").click()
    expect(owner.locator("#readers")).to_contain_text("Shared by Owner")
    with open_window(browser, address, javascript) as colleague:
        log_in(colleague, "colleague@clinic.example")
        expect(colleague.locator("main")).to_contain_text(HIDDEN)
        sees_nothing(colleague, case)
        expect(colleague.locator(".review-list")).to_have_count(0)
        read_as(colleague, "Benign")
        expect(colleague.locator(".review-list")).to_contain_text("Owner")
        colleague.goto("/agreement?readings=blind")
        expect(colleague.get_by_role("row", name="Colleague and Owner")).to_contain_text("Fewer than 10 images")
        colleague.goto(case)
        colleague.get_by_text("Leave this case").click()
        colleague.get_by_role("button", name="Leave the case").click()
        expect(colleague.get_by_role("heading", level=1)).to_contain_text("History")
        expect(colleague.locator("main")).to_contain_text("You have left the case")


def test_switching_it_off_asks_first_and_then_reveals(owner: Page, image: Path) -> None:
    case = open_blind_case(owner, image)
    owner.get_by_role("link", name="Switch it off").click()
    expect(owner.get_by_role("heading", level=1)).to_contain_text("Show the models’ answers?")
    owner.get_by_role("link", name="Keep them hidden").click()
    sees_nothing(owner, case)
    owner.goto(case)
    owner.get_by_role("link", name="Switch it off").click()
    owner.get_by_role("button", name="Show the answers").click()
    expect(owner.locator("#case-images")).not_to_contain_text(HIDDEN)
    owner.locator("#case-images").get_by_role("link", name="one.png").first.click()
    expect(owner.locator(".bars").first).to_be_visible()
