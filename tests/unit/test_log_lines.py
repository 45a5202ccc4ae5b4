"""A log line is one line, and says nothing that somebody sent."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
import sys
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from portal.log_lines import JsonLines, Stderr, TextLines, escaped

FORMATTERS = pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
SENT = "Erika Mustermann"


def record(message: str, *arguments: object, name: str = "portal.test", failure: BaseException | None = None,
           **fields: Any) -> logging.LogRecord:
    told = (type(failure), failure, failure.__traceback__) if failure else None
    made = logging.LogRecord(name, logging.ERROR, "here.py", 1, message, arguments, told)
    vars(made).update(fields)
    return made


def raised(failure: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise failure from cause
    except BaseException as caught:
        return caught


@given(st.text(), st.text())
def test_whatever_is_said_one_record_is_one_line(message: str, route: str) -> None:
    line = JsonLines().format(record("%s", message, route=route))
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    told = json.loads(line)
    assert told["message"].isprintable() or not told["message"].isascii()
    assert len(TextLines().format(record("%s", message, route=route)).splitlines()) == 1


@given(st.text())
def test_nothing_that_moves_a_cursor_or_turns_the_text_is_left(text: str) -> None:
    safe = escaped(text)
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 or one in "\u2028\u2029\u202e\u2066\ufeff" for one in safe)
    assert escaped(safe) == safe


@FORMATTERS
@pytest.mark.parametrize("failure", [
    ValueError(f"could not convert string to float: '{SENT}'"), KeyError(SENT), UnicodeError(SENT),
    IntegrityError("INSERT", {"name": SENT}, pymysql.err.IntegrityError(1062, f"Duplicate entry '{SENT}'")),
    OSError(36, "File name too long", f"/files/{SENT}"), sqlite3.OperationalError(f"near '{SENT}'")],
    ids=lambda failure: type(failure).__name__)
def test_a_failure_tells_where_and_what_kind_and_not_its_words(
        formatter: logging.Formatter, failure: BaseException) -> None:
    outer = raised(RuntimeError(SENT), raised(failure))
    line = formatter.format(record("it failed", failure=outer))
    assert SENT not in line
    assert type(failure).__qualname__ in line
    assert "RuntimeError" in line
    assert "in raised" in line


@FORMATTERS
def test_what_a_server_says_in_figures_is_kept(formatter: logging.Formatter) -> None:
    full = formatter.format(record("x", failure=raised(OSError(28, "No space left on device", "/somewhere"))))
    assert "No space left on device" in full
    away = formatter.format(record("x", failure=raised(pymysql.err.OperationalError(2003, f"no way to {SENT}"))))
    assert "server error 2003" in away


@FORMATTERS
@pytest.mark.parametrize(("name", "message", "arguments"), [
    ("tifffile", f"tag of {SENT}", ()), ("PIL.TiffImagePlugin", "%s", (SENT,)),
    ("gunicorn.error", f"Invalid request from ip=192.0.2.1: {SENT}", ()),
    ("gunicorn.error", "Error handling request %s %s", ("GET", f"/cases?q={SENT}"))])
def test_others_are_not_trusted_to_keep_it_to_themselves(
        formatter: logging.Formatter, name: str, message: str, arguments: tuple[object, ...]) -> None:
    line = formatter.format(record(message, *arguments, name=name))
    assert SENT not in line
    assert name in line


def test_a_failure_that_is_its_own_cause_ends() -> None:
    first, second = ValueError(), ValueError()
    first.__context__, second.__context__ = second, first
    assert "ValueError" in JsonLines().format(record("x", failure=first))


def test_a_message_that_does_not_fit_its_arguments_is_still_a_line() -> None:
    assert json.loads(JsonLines().format(record("%d of %d", "a")))["message"] == "%d of %d"


def test_lines_go_where_standard_error_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = Stderr()
    handler.setFormatter(TextLines())
    there = io.StringIO()
    monkeypatch.setattr(sys, "stderr", there)
    handler.emit(record("here"))
    assert "here" in there.getvalue()
