"""Cells: no text starts a formula, every line comes back as it was, scores are flattened by their names."""

from __future__ import annotations

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services.exports.cells import cell_of, csv_line, flat, harmless

TRIGGERS = tuple("=+-@\t\r\n＝＋－＠")
WRITABLE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))


@given(WRITABLE, st.sampled_from(TRIGGERS), st.sampled_from(["", " ", "  "]))
def test_no_text_begins_with_what_a_spreadsheet_would_run(text: str, trigger: str, space: str) -> None:
    assert not harmless(trigger + text).startswith(TRIGGERS)
    assert not harmless(space + trigger + text).lstrip(" ").startswith(TRIGGERS)


@given(WRITABLE)
def test_a_text_is_only_ever_given_apostrophes(text: str) -> None:
    guarded = harmless(text)
    left = iter(guarded)
    assert all(any(one == other for other in left) for one in text)
    assert guarded.replace("'", "") == text.replace("'", "")


@given(WRITABLE)
def test_a_guarded_text_needs_no_second_guard(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize(("text", "guarded"), [
    ("=1+1", "'=1+1"), ("a=1", "a=1"), ("P-0117", "P-0117"), ("5;=cmd", "5;'=cmd"), ("one\n- two", "one\n'- two"),
    ("", ""), ("'=1", "'=1"), ("\t=1", "'\t'=1")])
def test_what_is_guarded_and_what_is_not(text: str, guarded: str) -> None:
    assert harmless(text) == guarded


@given(st.lists(st.one_of(WRITABLE, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none()),
                min_size=1))
def test_a_line_comes_back_as_it_was(values: list[str | int | float | None]) -> None:
    cells = [cell_of(one) for one in values]
    line = csv_line(cells)
    assert line.endswith("\r\n")
    read, = csv.reader(io.StringIO(line, newline=""))
    assert read == ["" if one is None else str(one) for one in cells]
    assert [float(text) for text, value in zip(read, values, strict=True) if isinstance(value, float)] == [
        value for value in values if isinstance(value, float)]


@pytest.mark.parametrize(("value", "cell"), [
    (True, "yes"), (False, "no"), (None, None), (-2.5, -2.5), (0, 0), (math.nan, None), (math.inf, None)])
def test_values_become_cells(value: float | bool | None, cell: object) -> None:
    assert cell_of(value) == cell
    assert isinstance(cell_of(value), bool) is False


def test_scores_are_flattened_by_name() -> None:
    scores = {"Benign": 0.25, "dominant": "strong", "nuclei": 532, "tissue": {"lung": 0.2, "liver": 0.7},
              "smell": None, "shade": "dark", "none": {}, "regions": [1, 2]}
    assert flat(scores) == {"Benign": 0.25, "dominant": "strong", "nuclei": 532, "tissue": "liver",
                            "tissue.probability": 0.7, "shade": "dark", "none": None, "none.probability": None}


@given(st.dictionaries(st.text(min_size=1), st.dictionaries(st.text(min_size=1), st.floats(0, 1), min_size=1)))
def test_of_probabilities_the_likeliest_stands(scores: dict[str, dict[str, float]]) -> None:
    found = flat(scores)
    for key, shares in scores.items():
        assert found.get(f"{key}.probability") == max(shares.values()) or f"{key}.probability" in scores
