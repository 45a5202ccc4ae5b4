"""The habits of the front end: nothing inline, nothing from elsewhere, one macro for every field."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import nodes

from portal.app import create_app
from portal.views import filters
from tests.conftest import make_settings

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if not path.name.startswith("_") and path.name != "base.html"]
OURS = [path for path in sorted((ROOT / "static").rglob("*"))
        if path.suffix in (".css", ".js", ".svg") and "vendor" not in path.parts]

INLINE = re.compile(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", re.IGNORECASE)
SCRIPT_WITHOUT_SOURCE = re.compile(r"<script\b(?![^>]*\bsrc=)", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:https?:)?//[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(make_settings(tmp_path_factory.mktemp("templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_nothing_is_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not INLINE.findall(text), "the content security policy blocks inline styles and handlers"
    assert not SCRIPT_WITHOUT_SOURCE.findall(text), "the content security policy blocks inline scripts"


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_nothing_escapes_the_escaping(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\|\s*safe\b|autoescape\s+false|Markup\(", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_fields_are_drawn_by_macros_only(path: Path) -> None:
    if path.name != "_macros.html":
        assert not re.search(r"<(input|select|textarea)\b", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*TEMPLATES, *OURS], ids=name)
def test_nothing_comes_from_another_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for namespace in NAMESPACES:
        text = text.replace(namespace, "")

    assert not ELSEWHERE.findall(text)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_page_extends_the_base_and_lies_in_a_views_folder(path: Path, app: Flask) -> None:
    tree = app.jinja_env.parse(path.read_text(encoding="utf-8"))
    parents = [node.template for node in tree.find_all(nodes.Extends)]

    assert [parent.value for parent in parents if isinstance(parent, nodes.Const)] == ["base.html"]
    assert path.parent.parent.name == "templates"


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_template_compiles_with_the_filters_of_the_portal(path: Path, app: Flask) -> None:
    app.jinja_env.get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_included_file_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for part in re.findall(r"{%-? (?:include|extends|import) \"([^\"]+)\"", text):
        assert (ROOT / "templates" / part).is_file()
    for part in re.findall(r"filename='((?!vendor/)[\w./-]+\.\w+)'\)", text):
        assert (ROOT / "static" / part).is_file()


def test_every_icon_that_is_named_is_drawn() -> None:
    sprite = (ROOT / "static/img/icons.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named = {icon for path in TEMPLATES
             for icon in re.findall(r"\bicon\(\"([^\"]+)\"\)", path.read_text(encoding="utf-8"))}

    assert named <= drawn
    assert {"scored", "refused", "error", "agree", "override", "cannot-judge"} <= drawn


def test_every_posting_form_carries_its_token() -> None:
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, re.DOTALL):
            assert "ui.hidden(" in form or "csrf()" in form, name(path)


def test_npm_parts_are_pinned_and_the_lock_file_names_no_host() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    lock_text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(lock_text)["packages"]

    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert all(packages[f"node_modules/{part}"]["integrity"].startswith("sha512-") for part in wanted)
    assert '"resolved"' not in lock_text
    assert "://" not in lock_text


@pytest.mark.parametrize(("share", "words"), [
    (0.934, "93.4 %"), (0.0, "0.0 %"), (1.0, "100.0 %"),
    (0.0004, "< 0.1 %"), (0.9996, "> 99.9 %"), (0.999, "99.9 %")])
def test_a_share_is_never_rounded_to_a_certainty(share: float, words: str) -> None:
    assert filters.percent(share) == words


@pytest.mark.parametrize(("count", "words"), [
    (0, "0 bytes"), (999, "999 bytes"), (1_200_000, "1.2 MB"),
    (5_000_000_000, "5.0 GB"), (7 * 10**12, "7.0 TB")])
def test_sizes_come_in_units_people_read(count: int, words: str) -> None:
    assert filters.size(count) == words


def test_times_are_written_in_utc() -> None:
    assert filters.moment(datetime(2026, 11, 20, 21, 5)) == "20 Nov 2026, 21:05 UTC"
    assert filters.moment(datetime(2026, 11, 2, 21, 5, tzinfo=UTC)) == "2 Nov 2026, 21:05 UTC"
    east = timezone(timedelta(hours=2))
    assert filters.moment(datetime(2026, 11, 2, 0, 30, tzinfo=east)) == "1 Nov 2026, 22:30 UTC"
