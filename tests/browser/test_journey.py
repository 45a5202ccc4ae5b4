"""The whole journey, as a new clinic walks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import phone
from tests.browser.conftest import Portal
from tests.support import pictures

pytestmark = pytest.mark.browser

PASSWORD = "violet harbour lantern 42"


def set_up_administrator(page: Page, portal: Portal) -> None:
    page.goto(portal.setup_link)
    page.get_by_label("Name").fill("Chief")
    page.get_by_label("E-mail").fill("chief@clinic.example")
    fill_passwords(page)
    page.locator("main button[type=submit]").click()
    phone.set_up(page, "chief@clinic.example")
    page.get_by_role("link", name="go on").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def register(page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Name").fill("Dr. Ünal")
    page.get_by_label("E-mail").fill("reader@clinic.example")
    fill_passwords(page)
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url("/registered")


def fill_passwords(page: Page) -> None:
    for box in page.locator("main input[type=password]").all():
        box.fill(PASSWORD)


def log_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    with page.expect_navigation():
        page.locator("main button[type=submit]").click()
    if "/login/code" in page.url:
        page.get_by_label("Code").fill(phone.code(page, email))
        with page.expect_navigation():
            page.get_by_role("button", name="Log in").click()


def log_out(page: Page) -> None:
    page.locator("summary").first.click()
    page.get_by_role("button", name="Log out").click()


def open_case(page: Page) -> None:
    page.goto("/cases/new")
    page.get_by_label("Patient pseudonym").fill("P-0117")
    page.get_by_label("Specimen").fill("peripheral blood")
    page.get_by_role("button", name="Open case").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("P-0117")


def upload(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").set_input_files([str(file) for file in files])
    button = page.get_by_role("button", name="Upload")
    if button.is_visible() and button.is_enabled():
        button.click()


def test_from_registration_to_a_result_found_again_after_a_restart(
        page: Page, portal: Portal, tmp_path: Path) -> None:
    good, bad = tmp_path / "secondread-drawn-smear.png", tmp_path / "letter.jpg"
    good.write_bytes(pictures.smear())
    bad.write_bytes(b"Dear colleague, ...")

    set_up_administrator(page, portal)
    log_out(page)
    register(page)
    log_in(page, "reader@clinic.example")
    expect(page.locator("main")).to_contain_text("wait")

    log_in(page, "chief@clinic.example")
    page.goto("/admin/users")
    page.get_by_role("button", name="Approve").click()
    log_out(page)

    log_in(page, "reader@clinic.example")
    open_case(page)
    case = page.url
    upload(page, good, bad)
    expect(page.locator("main")).to_contain_text("letter.jpg")
    expect(page.locator("main")).to_contain_text("not a picture")
    page.goto(case)
    page.get_by_role("link", name="secondread-drawn-smear.png").first.click()

    expect(page).to_have_url(f"{portal.address}/predictions/1")
    expect(page.locator("main")).to_contain_text("Drawn sample")
    expect(page.locator("main")).to_contain_text("not a diagnosis")
    heat = page.locator("img[src*='heatmap.png']").first
    expect(heat).to_be_visible()
    assert page.request.get("/predictions/1/heatmap.png").ok

    portal.restart()
    page.goto("/cases?q=P-0117")
    page.get_by_role("link", name="P-0117").first.click()
    expect(page.locator("main")).to_contain_text("secondread-drawn-smear.png")

    log_out(page)
    page.goto("/predictions/1")
    expect(page).to_have_url(f"{portal.address}/login?next=/predictions/1")
