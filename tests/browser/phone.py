"""The phone of whoever sits at the browser: keys that were read off a page, and which codes were typed already."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from portal.services.second_factor import code_at
from tests.support.authenticator import SECRET

TYPING_SECONDS = 15
_keys: dict[tuple[str, str], tuple[str, int]] = {}
"""By portal and e-mail: the key, and the half minute whose code was used last."""


def set_up(page: Page, email: str) -> list[str]:
    """On the page that asks for it; returns the recovery codes, which then are shown."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up a second factor")
    _keys[_whose(page, email)] = page.locator("#factor-key").inner_text().replace(" ", ""), 0
    page.get_by_label("Code").fill(code(page, email))
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    return page.locator(".recovery-codes code").all_inner_texts()


def code(page: Page, email: str) -> str:
    """One that was not used yet and stays good for a while; the portal takes those of the half minutes before and after
    too.
    """
    whose = _whose(page, email)
    key, last = _keys.get(whose, (SECRET, 0))
    step = max(int(time.time() + TYPING_SECONDS) // 30 - 1, last + 1)
    if step > int(time.time()) // 30 + 1:
        page.wait_for_timeout((step - 1) * 30_000 - time.time() * 1000 + 500)
    _keys[whose] = key, step
    return code_at(key, step)


def _whose(page: Page, email: str) -> tuple[str, str]:
    return urlsplit(page.url).netloc, email
