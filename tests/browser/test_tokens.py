"""A token is made on the account page, copied, used by a program and revoked, with and without JavaScript."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.test_journey import set_up_administrator
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.browser


def ask(portal: Portal, token: str) -> int:
    """The status that a program gets with this token."""
    request = Request(f"{portal.address}/api/v1/cases", headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            assert json.load(answer)["total"] == 0
            return int(answer.status)
    except HTTPError as problem:
        problem.close()
        return problem.code


def test_a_token_is_made_used_and_revoked(page: Page, portal: Portal, javascript: bool) -> None:
    set_up_administrator(page, portal)
    page.goto("/account")
    page.get_by_label("What the token is for").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Say which program it is for")
    # At the end of loading a browser takes the focus to the place that the address names.
    page.wait_for_load_state()
    page.get_by_label("What the token is for").fill("nightly upload")
    page.keyboard.press("Enter")
    expect(page.locator("#tokens")).to_contain_text("It is not shown again")
    expect(page.locator("[data-copy] code")).to_be_in_viewport()
    token = page.locator("[data-copy] code").inner_text()
    if javascript:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == token
        assert [one["id"] for one in Axe().run(page).response["violations"]
                if one["impact"] in ("serious", "critical")] == []
    assert ask(portal, token) == 200
    page.goto("/account")
    assert token not in page.content()
    tokens = page.get_by_role("region", name="Tokens for programs")
    expect(tokens).to_contain_text("Last used")
    tokens.get_by_role("button", name="Revoke the token nightly upload").click()
    expect(page.locator("main")).to_contain_text("That token works no more.")
    expect(tokens.get_by_role("listitem")).to_have_count(0)
    assert ask(portal, token) == 401
