"""What axe-core and a ruler find wrong with a page: two widths, light and dark.

`PORTAL_SCREENSHOTS=folder` keeps a picture of each page for people to look at.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
GRAVE = ("serious", "critical")
OPTIONS: dict[str, dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    # The dark changes colours and nothing else.
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}


@dataclass(frozen=True)
class Finding:
    """What is wrong with a page."""

    address: str
    width: int
    scheme: str
    what: str


@cache
def axe() -> Axe:
    return Axe()


def look(page: Page, name: str) -> list[Finding]:
    """What is wrong with the page that stands there, at every width and in every scheme."""
    # Shut, their content would not be looked at.
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    found: list[Finding] = []
    for width, scheme in itertools.product(WIDTHS, SCHEMES):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        keep_picture(page, f"{name}-{width}-{scheme}")
        seen = axe().run(page, options=OPTIONS[scheme]).response
        found += [Finding(name, width, scheme, what) for what in (*grave(seen), *too_wide(page))]
    return found


def grave(response: dict[str, Any]) -> Iterator[str]:
    for one in response["violations"]:
        if one["impact"] in GRAVE:
            yield f"{one['id']}: {'; '.join(node['html'][:200] for node in one['nodes'][:3])}"


def too_wide(page: Page) -> Iterator[str]:
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if wide > seen:
        yield f"{wide} pixels wide where {seen} are seen"


def keep_picture(page: Page, name: str) -> None:
    folder = os.environ.get("PORTAL_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.png",
                        full_page=True)
