"""A system with every kind of score, layer and question, as a reader meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from models.imaging.drawn import draw_smear
from tests.browser.conftest import open_window
from tests.browser.test_journey import log_in, open_case, upload
from tests.support import pictures
from tests.support.dropped_in import drop_in
from tests.support.served import EMAIL, add_user, serve

pytestmark = pytest.mark.browser


@pytest.fixture
def address(tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """A portal in this process, with the dropped-in system and one account."""
    with serve(tmp_path, sqlite_template) as (app, address):
        drop_in(app, tmp_path / "dropped-in")
        add_user(app)
        yield address


@pytest.fixture
def page(javascript: bool, browser: Browser, address: str) -> Iterator[Page]:
    with open_window(browser, address, javascript) as page:
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        open_case(page)
        yield page


@pytest.fixture
def image(tmp_path: Path) -> Callable[[int], Path]:
    """Draws a picture of a given width."""

    def draw(width: int) -> Path:
        path = tmp_path / f"colours-{width}.png"
        path.write_bytes(pictures.encode(draw_smear(3)[:240, :width]))
        return path

    return draw


def read(page: Page, *files: Path) -> None:
    page.get_by_label("Model").select_option("rainbow")
    upload(page, *files)


def test_layers_are_switched_by_mouse_and_keyboard(page: Page, javascript: bool, image: Callable[[int], Path]) -> None:
    read(page, image(300))
    page.get_by_role("link", name="colours-300.png").first.click()
    heat, mask = page.locator("img[src$='heatmap.png']"), page.locator("img[src$='mask.png']")
    expect(heat).to_be_visible()
    expect(mask).to_be_hidden()
    page.get_by_text("What it saw", exact=True).first.click()
    expect(heat).to_be_hidden()
    expect(mask).to_be_visible()
    expect(page.locator(".class-legend:visible")).to_contain_text("2 nuclei")
    page.get_by_role("radio", name="What it saw").press("ArrowRight")
    expect(page.get_by_role("radio", name="Nothing")).to_be_checked()
    expect(mask).to_be_hidden()
    expect(page.get_by_label("Strength")).to_be_hidden()
    page.get_by_text("Where it looked", exact=True).first.click()
    if javascript:
        page.get_by_label("Strength").fill("20")
        assert heat.evaluate("one => one.style.opacity") == "0.2"
    boxes = page.locator(".viewer-boxes")
    expect(boxes).to_be_visible()
    page.get_by_label("Show the regions").uncheck()
    expect(boxes).to_be_hidden()


def test_a_large_image_is_sent_again_with_its_pixel_size(
        page: Page, javascript: bool, image: Callable[[int], Path]) -> None:
    read(page, image(500))
    expect(page.locator("main")).to_contain_text("larger than 320 pixels")
    expect(page.locator("main")).to_contain_text("colours-500.png")
    page.get_by_label("Pixel size").fill("0,5")
    if javascript:
        page.get_by_role("button", name="Try colours-500.png again").click()
    else:
        upload(page, image(500))
    page.locator("#case-images").get_by_role("link", name="colours-500.png").first.click()
    expect(page.locator("main")).to_contain_text("0.5 µm per pixel")


def test_what_can_never_be_read_is_not_offered_again(
        page: Page, javascript: bool, tmp_path: Path) -> None:
    letter = tmp_path / "letter.png"
    letter.write_bytes(b"Dear colleague")
    read(page, letter)
    expect(page.locator("main")).to_contain_text("not a picture")
    expect(page.get_by_role("button", name="Try letter.png again")).to_be_hidden()


def test_scores_are_given_by_hand(page: Page, image: Callable[[int], Path]) -> None:
    read(page, image(300))
    page.get_by_role("link", name="colours-300.png").first.click()
    expect(page.locator("main")).to_contain_text("Demonstration – not a real score")
    page.get_by_label("Record my reading").check()
    page.get_by_label("Warm part").fill("9")
    page.get_by_label("Cool part").fill("0.5")
    page.get_by_role("button", name="Save the reading").click()
    expect(page.get_by_role("alert")).to_contain_text("Warm part")
    expect(page.get_by_label("Warm part")).to_have_value("9")
    page.get_by_label("Warm part").fill("1,25")
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator(".review-list")).to_contain_text("1.75 of 5")
