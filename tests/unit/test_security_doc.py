"""docs/security.md names every point of ASVS 5.0 level 2 once, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOC = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
LISTED, _, TABLES = DOC.partition("\n## Point by point\n")
NUMBER = re.compile(r"\b\d{1,2}\.\d\.\d{1,2}\b")
ROW = re.compile(r"^\| (\d{1,2}\.\d\.\d{1,2}) \|(.+)\|$", re.MULTILINE)
NOT_HERE = re.compile(r"^Does not apply: (.+?)\n\n", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"`([\w/]+\.py)?::(test_\w+)`")
POINTS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4,
    "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2,
    "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3}
"""How many points of levels 1 and 2 each section of the standard has; they are its first ones. V9, V10 and V17 do not
apply as a whole.
"""


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")]


PROOFS = {number: cells(rest)[-1] for number, rest in ROW.findall(TABLES)}


@cache
def names_in(file: str) -> frozenset[str]:
    path = TESTS / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef))


def test_every_point_stands_here_once() -> None:
    named = [number for number, _ in ROW.findall(TABLES)]
    named += [number for text in NOT_HERE.findall(f"{TABLES}\n\n") for number in NUMBER.findall(text)]
    assert sorted(named) == sorted(f"{section}.{n}" for section, last in POINTS.items() for n in range(1, last + 1))


def test_every_row_says_what_how_and_by_what_it_is_proved() -> None:
    for number, rest in ROW.findall(TABLES):
        assert len(cells(rest)) == 3, number
        assert all(cells(rest)), number
        assert TEST.search(PROOFS[number]) or re.match("(read|open|operator)\\b", PROOFS[number]), number


def test_every_test_that_is_named_exists() -> None:
    missing = []
    for number, proof in PROOFS.items():
        file = ""
        for given, name in TEST.findall(proof):
            file = given or file
            if name not in names_in(file):
                missing.append((number, file, name))
    assert not missing


def test_what_is_open_is_told_at_the_top_and_nothing_else_is() -> None:
    for word, heading in (("open", "## What is open"), ("operator", "### Left to the operator")):
        told = re.split("\n##", LISTED.partition(f"\n{heading}\n")[2])[0]
        assert set(PROOFS) >= {number for number, _ in ROW.findall(told)}
        assert {number for number, _ in ROW.findall(told)} == {
            number for number, proof in PROOFS.items() if re.match(rf"{word}\b", proof)}, word
