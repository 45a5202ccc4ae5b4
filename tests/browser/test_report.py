"""The report, from the case to the opened PDF and the signature."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from werkzeug.datastructures import FileStorage

from models.imaging.drawn import draw_smear
from tests.browser.conftest import CHROMIUM, open_window
from tests.browser.test_journey import PASSWORD, log_in, open_case, upload
from tests.support import pictures
from tests.support.client import Client
from tests.support.dropped_in import drop_in
from tests.support.patience import until
from tests.support.pdf import pages, text_of
from tests.support.served import EMAIL, add_user, serve

pytestmark = pytest.mark.browser


@pytest.fixture
def address(tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """A portal in this process with one case of one image, which a demonstration has scored and another refused."""
    with serve(tmp_path, sqlite_template) as (app, address):
        drop_in(app, tmp_path / "dropped-in")
        add_user(app)
        client = Client(app)
        client.post("/login", {"email": EMAIL, "password": PASSWORD})
        client.post("/cases/new", {"patient": "P-Ελένη", "specimen": "blood", "note": ""})
        for data in (pictures.encode(draw_smear(3)[:240, :300]), pictures.encode(draw_smear(3)[:30, :300])):
            client.post("/cases/1/images", {"model": "rainbow", "um_per_px": "0.5", "images": [
                FileStorage(io.BytesIO(data), filename="colours.png")]}, content_type="multipart/form-data")
        yield address


@pytest.fixture
def page(javascript: bool, browser: Browser, address: str) -> Iterator[Page]:
    with open_window(browser, address, javascript) as page:
        log_in(page, EMAIL)
        page.goto("/cases/1")
        yield page


def opened(page: Page, name: str) -> bytes:
    """What the link leads to, fetched as this browser."""
    link = page.locator("#report").get_by_role("link", name=name).first
    answer = page.request.get(str(link.get_attribute("href")))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    return answer.body()


def shows_a_page(screenshot: bytes) -> bool:
    """Whether there is white paper with something on it, and something around it."""
    with Image.open(io.BytesIO(screenshot)) as shot:
        shades = shot.convert("L").getcolors() or []
    white = sum(count for count, shade in shades if shade > 250) / sum(count for count, _ in shades)
    return 0.1 < white < 0.9 and len(shades) > 50


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_a_browser_that_draws_pdfs_shows_the_report(page: Page, browser: Browser, address: str) -> None:
    """Under the policy that it comes with: the driven browser has no viewer, a window of the whole one has."""
    link = str(page.locator("#report").get_by_role("link").first.get_attribute("href"))
    whole = browser.browser_type.launch(executable_path=shutil.which("chromium"), headless=False,
                                        args=[*CHROMIUM, "--headless=new"])
    window = whole.new_context(base_url=address, storage_state=page.context.storage_state()).new_page()
    assert "object-src 'none'" in page.request.get(link).headers["content-security-policy"]
    window.goto(link)
    try:
        until(lambda: shows_a_page(window.screenshot()), "no page, nothing on it, or nothing around it")
    finally:
        whole.close()


def start_signing(page: Page, words: str) -> None:
    page.locator("summary", has_text=words).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your password, once more")).to_be_visible()


def test_from_the_case_to_a_signed_report_and_its_addendum(page: Page) -> None:
    report = page.locator("#report")
    expect(report).to_contain_text("Not signed")
    preview = opened(page, "Open the preview")
    assert all("NOT SIGNED" in one.text for one in pages(preview, 0.1))
    assert pages(opened(page, "On US Letter"), 0.1)[0].width == pytest.approx(612, abs=0.1)

    start_signing(page, "Sign the report")
    page.get_by_label("Conclusion or comment").fill("Nothing to be seen.")
    page.get_by_label("Your password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Sign the report").click()
    expect(page.get_by_role("alert")).to_contain_text("no reading yet")
    expect(page.get_by_label("Conclusion or comment")).to_have_value("Nothing to be seen.")
    page.get_by_label("I sign although").check()
    page.get_by_label("Your password, once more").fill("not my password")
    page.get_by_role("button", name="Sign the report").click()
    expect(page.get_by_role("alert")).to_contain_text("not your password")
    page.get_by_label("I sign although").check()
    page.get_by_label("Your password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Sign the report").click()

    expect(page.locator("main")).to_contain_text("Report 1 is signed")
    expect(report).to_contain_text("Nothing changed since")
    text = text_of(opened(page, "Open the report"))
    for words in ("P-Ελένη", "Signed by Reader", "Nothing to be seen.", "Demonstration – not a real score"):
        assert words in text, words

    page.goto("/predictions/2/review")
    page.get_by_label("Cannot be judged").check()
    page.get_by_role("button", name="Save").click()
    page.goto("/cases/1")
    expect(report).to_contain_text("Changed since report 1 was signed")
    start_signing(page, "Sign an addendum")
    page.get_by_label("Your password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Sign the addendum").click()
    expect(page.locator("main")).to_contain_text("Report 2 is signed")
    assert "Addendum to report 1" in text_of(opened(page, "A4 of report 2"))


def test_the_report_of_a_new_case_follows_its_first_image(page: Page, tmp_path: Path) -> None:
    open_case(page)
    expect(page.locator("#report")).to_contain_text("nothing to report yet")
    image = tmp_path / "colours.png"
    image.write_bytes(pictures.encode(draw_smear(3)[:240, :300]))
    page.get_by_label("Model").select_option("rainbow")
    upload(page, image)
    expect(page.locator("#report")).to_contain_text("Not signed")
    start_signing(page, "Sign the report")
    page.get_by_label("Your password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Sign the report").click()
    expect(page.locator("main")).to_contain_text("Report 1 is signed")


def test_a_browser_opens_the_pdf(page: Page) -> None:
    """The security policy must not keep Chromium's own viewer from it."""
    with page.expect_event("framenavigated", lambda frame: frame.url.startswith("chrome-extension:")):
        page.locator("#report").get_by_role("link", name="Open the preview").click()
    expect(page).to_have_url("/cases/1/report.pdf")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_section_is_accessible_and_fits(page: Page, javascript: bool, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    start_signing(page, "Sign the report")
    assert page.locator("#report").evaluate("one => one.scrollWidth <= one.clientWidth")
    if javascript:
        found = Axe().run(page, context="#report").response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
