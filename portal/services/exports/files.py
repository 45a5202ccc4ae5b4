"""The history as CSV and JSON Lines, sent while they are made, and as XLSX, made on disk before it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import xlsxwriter

from portal.services.exports.cells import Cell, cell_of, csv_line

PIECE = 32_768
"""Characters that are gathered before they are sent."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for the clinic's own old encoding."""
SHEET_ROWS = 1_048_576
"""The most that a sheet can hold, the headings among them."""


def csv_of(names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8, with a byte order mark."""
    headings = BYTE_ORDER_MARK + csv_line([cell_of(name) for name in names])
    return _gathered(chain([headings], map(csv_line, rows)))


def jsonl_of(objects: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """One object per line, in UTF-8."""
    return _gathered(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in objects)


def write_xlsx(path: Path, names: Sequence[str], rows: Iterable[Sequence[Cell]], about: Sequence[str],
               sheet_rows: int = SHEET_ROWS) -> None:
    """A workbook with the rows on one sheet (on more where one is too small) and a sheet that says what they are.

    Rows are written to disk one by one, in the folder of `path`.
    """
    options = {"constant_memory": True, "tmpdir": str(path.parent), "use_zip64": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
        number, sheet = sheet_rows, None
        for cells in rows:
            if number >= sheet_rows:
                sheet, number = _add_sheet(book, names, bold), 1
            _write_row(sheet, number, cells)
            number += 1
        if sheet is None:
            _add_sheet(book, names, bold)
        told = book.add_worksheet("About")
        told.set_column(0, 0, 100)
        for line, text in enumerate(about):
            told.write_string(line, 0, text, wrapped)


def _add_sheet(book: Any, names: Sequence[str], bold: Any) -> Any:
    number = len(book.worksheets()) + 1
    sheet = book.add_worksheet("History" if number == 1 else f"History {number}")
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(names) - 1, 16)
    for place, name in enumerate(names):
        sheet.write_string(0, place, name, bold)
    return sheet


def _write_row(sheet: Any, number: int, cells: Sequence[Cell]) -> None:
    for place, cell in enumerate(cells):
        if isinstance(cell, str):
            # Never `write`, which would take a text for a formula, an address or a number.
            if cell:
                sheet.write_string(number, place, cell)
        elif cell is not None:
            sheet.write_number(number, place, cell)


def _gathered(texts: Iterable[str]) -> Iterator[bytes]:
    held: list[str] = []
    length = 0
    for text in texts:
        held.append(text)
        length += len(text)
        if length >= PIECE:
            yield "".join(held).encode()
            held, length = [], 0
    yield "".join(held).encode()
