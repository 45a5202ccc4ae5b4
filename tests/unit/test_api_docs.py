"""docs/api.md shows every operation of the interface, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.app import create_app
from tests.conftest import make_settings

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"^    curl .*?(?:[^\\]\n)", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r'"\$SECONDREAD(/[^"?]*)(?:\?([^"]*))?"')


@pytest.fixture
def operations(tmp_path: Path) -> dict[tuple[str, str], set[str]]:
    """Methods and paths with the names of their queries."""
    document = create_app(make_settings(tmp_path)).test_client().get("/api/v1/openapi.json").get_json()
    return {(method, path): {one["name"] for one in said.get("parameters", []) if one["in"] == "query"}
            for path, item in document["paths"].items() for method, said in item.items() if method in ("get", "post")}


def calls() -> list[tuple[str, str, set[str]]]:
    """Method, path and queries of every example."""
    found = []
    for call in CALL.findall((ROOT / "docs/api.md").read_text(encoding="utf-8")):
        address = ADDRESS.search(call)
        assert address, call
        method = "post" if " -d " in call or " -F " in call else "get"
        found.append((method, address[1], {one.partition("=")[0] for one in (address[2] or "").split("&") if one}))
    return found


def fits(path: str, pattern: str) -> bool:
    """Whether an address is one of a path of the document; what stands there as it is goes before a parameter."""
    return re.fullmatch(re.sub(r"\\{\w+\\}", r"[^/]+?", re.escape(pattern)), path) is not None


def test_every_example_asks_for_something_that_is_there(operations: dict[tuple[str, str], set[str]]) -> None:
    for method, path, queries in calls():
        matching = [names for (known, pattern), names in operations.items() if known == method and fits(path, pattern)]
        assert len(matching) == 1, (method, path)
        assert queries <= matching[0], (method, path)


def test_every_operation_has_an_example(operations: dict[tuple[str, str], set[str]]) -> None:
    shown = {(known, pattern) for method, path, _ in calls() for known, pattern in operations
             if known == method and fits(path, pattern)}
    assert set(operations) - shown == {("get", "/api/v1/openapi.json")}


def test_every_filter_is_named(operations: dict[tuple[str, str], set[str]]) -> None:
    words = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert {name for names in operations.values() for name in names
            if f"`{name}`" not in words and f"{name}=" not in words} == set()
