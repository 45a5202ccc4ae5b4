"""Files of rows: whole, in pieces, and never larger in memory than a piece."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from portal.services.exports.cells import Cell
from portal.services.exports.files import PIECE, csv_of, jsonl_of, write_xlsx


def test_rows_are_sent_as_they_come_and_not_at_the_end() -> None:
    made = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal made
        while True:
            made += 1
            yield ["x" * 1000, made]

    pieces = csv_of(("text", "number"), rows())
    for number in (1, 2, 3):
        assert PIECE <= len(next(pieces)) < 2 * PIECE
        assert made < number * PIECE / 1000 + 2


def test_a_table_begins_with_a_mark_that_tells_excel_its_encoding() -> None:
    data = b"".join(csv_of(("=name",), [["Ü"]]))
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig")))) == [["'=name"], ["Ü"]]


def test_objects_stand_on_lines_of_their_own() -> None:
    given = [{"text": "one\ntwo", "漢": {"nested": [1, None]}}, {}]
    lines = b"".join(jsonl_of(given)).decode().splitlines()
    assert [json.loads(line) for line in lines] == given


@pytest.mark.parametrize(("rows", "sheets"), [
    (0, ["History", "About"]), (3, ["History", "About"]), (4, ["History", "History 2", "About"]),
    (7, ["History", "History 2", "History 3", "About"])])
def test_what_is_too_much_for_a_sheet_goes_on_in_the_next(tmp_path: Path, rows: int, sheets: list[str]) -> None:
    path = tmp_path / "book.xlsx"
    write_xlsx(path, ("text", "number"), ([f"row {one}", one] for one in range(rows)), ("About it",), sheet_rows=4)
    book = load_workbook(path)
    assert book.sheetnames == sheets
    assert [cell.value for cell in book["History"][1]] == ["text", "number"]
    found = [row for name in sheets[:-1] for row in book[name].iter_rows(min_row=2, values_only=True)]
    assert found == [(f"row {one}", one) for one in range(rows)]
    assert book["About"]["A1"].value == "About it"
    assert [one.name for one in tmp_path.iterdir()] == ["book.xlsx"]


def test_texts_of_a_workbook_are_texts(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    texts = ["=1+1", "{=1}", "http://clinic.example", "007", "1e5", "a\x07b", "x" * 40_000, "mailto:a@b", "internal:A1"]
    write_xlsx(path, ("text",), [[text] for text in texts], ())
    book = load_workbook(path)
    cells = [row[0] for row in book["History"].iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    assert [cell.hyperlink for cell in cells] == [None] * len(texts)
    assert [cell.value for cell in cells][3:5] == ["007", "1e5"]
    assert len(str(cells[6].value)) == 32_767
