"""README keeps its promises: no gap left open, no link to nothing, every setting named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTING = "(?:PORTAL_[A-Z0-9_]+|SECRET_KEY|DATABASE_URL)"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_no_gap_is_left_open() -> None:
    assert "@@" not in README


def test_every_local_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_every_local_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_setting_is_in_the_table() -> None:
    config = (ROOT / "config.py").read_text(encoding="utf-8")
    settings = set(re.findall(rf'"({SETTING}|HOST|PORT)"', config))
    assert settings
    assert {name for name in settings if f"`{name}`" not in README} == set()


def test_the_page_on_growth_names_only_settings_that_there_are() -> None:
    page, config = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/scaling.md", "config.py"))
    named = set(re.findall(SETTING, page))
    assert named
    assert {name for name in named if f'"{name}"' not in config} == set()
