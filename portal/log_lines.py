"""How a log line looks: one JSON object, or a line for a person. Nothing but the standard library, for gunicorn's
master uses it too.

What a person typed or a file holds must not come into a log. A line therefore tells only what the house itself wrote:
of a failure its class and where it happened, its text only where no input can be in it, and of a library's message
only who spoke.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO

FIELDS = ("method", "route", "status", "ms", "user")
"""What an access line has beside the fields of every line."""
OURS = ("portal", "models", "gunicorn", "celery", "kombu", "alembic", "flask_migrate", "wsgi")
LEFT_OUT = "(text left out: it may quote what was sent)"
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
NOT_HTTP = "Invalid request from ip="
CRASHED = "Error handling request"


def escaped(text: str) -> str:
    """The text in one line, without anything that a terminal or a reader of lines takes for an order."""
    return UNSAFE.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def message_of(record: logging.LogRecord) -> str:
    """What the line says, without what somebody sent."""
    if not any(record.name == name or record.name.startswith(f"{name}.") for name in OURS):
        return LEFT_OUT
    template = str(record.msg)
    if template.startswith(NOT_HTTP):
        return "refused what is no proper HTTP request"
    if template.startswith(CRASHED):
        return "a request failed outside the portal"
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return template


def failure_of(record: logging.LogRecord) -> list[str]:
    """The failure that goes with a line: for each of its causes the frames, and what kind of failure it was."""
    told = record.exc_info
    if not told or told[1] is None:
        return []
    return [line for failure in reversed(list(_chain(told[1]))) for line in _one_failure(failure)]


def _chain(failure: BaseException | None) -> Iterator[BaseException]:
    """The failure, then what it came from."""
    seen: set[int] = set()
    while failure is not None and id(failure) not in seen:
        seen.add(id(failure))
        yield failure
        failure = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)


def _one_failure(failure: BaseException) -> Iterator[str]:
    for frame in traceback.extract_tb(failure.__traceback__):
        yield f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line or ''}"
    yield f"{type(failure).__module__}.{type(failure).__qualname__}: {safe_text(failure)}"


def safe_text(failure: BaseException) -> str:
    """The failure's own words where they cannot quote what was sent, else what kind of words they would be."""
    module = type(failure).__module__.partition(".")[0]
    if isinstance(failure, OSError) and failure.strerror and isinstance(failure.errno, int):
        return f"[Errno {failure.errno}] {failure.strerror}"
    if type(failure).__module__ in ("models.engine", "config") or module == "onnxruntime":
        return str(failure)
    if module == "sqlite3":
        return str(getattr(failure, "sqlite_errorname", "") or LEFT_OUT)
    if module == "pymysql" and failure.args and isinstance(failure.args[0], int):
        return f"server error {failure.args[0]}"
    return LEFT_OUT


class _Lines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__()

    def formatException(self, ei: object) -> str:
        """Never the standard one, which prints the failure's text."""
        return ""


class JsonLines(_Lines):
    """One JSON object on one line of ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record), "level": record.levelname, "request_id": getattr(record, "request_id", "-"),
            "logger": record.name, "message": escaped(message_of(record))}
        line.update({name: _plain(getattr(record, name)) for name in FIELDS if hasattr(record, name)})
        failure = failure_of(record)
        if failure:
            line["failure"] = [escaped(one) for one in failure]
        return json.dumps(line, ensure_ascii=True)


class TextLines(_Lines):
    """A line for a person; a failure follows it, indented, so that no message can pass for a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_time(record)} {record.levelname} {getattr(record, 'request_id', '-')} {record.name}"
        access = " ".join(f"{name}={_plain(getattr(record, name))}" for name in FIELDS if hasattr(record, name))
        line = escaped(f"{head} {message_of(record)}{' ' if access else ''}{access}")
        return "\n".join([line, *(f"    {escaped(one)}" for one in failure_of(record))])


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at that moment, and can be told from other people's handlers."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _value: TextIO) -> None:
        """It is looked up each time."""


def make_formatter(kind: str) -> logging.Formatter:
    """`kind` is "json", "text" or "auto": text for a person at a terminal, JSON for whatever else collects lines."""
    if kind == "auto":
        kind = "text" if sys.stderr.isatty() else "json"
    return TextLines() if kind == "text" else JsonLines()


def gunicorn_config(kind: str) -> dict[str, object]:
    """What gunicorn hands to `logging.config.dictConfig`, so that its lines look like the portal's.

    It writes no line for a request: the portal does, and gunicorn's has the address with what was typed.
    """
    own = {"level": "INFO", "handlers": ["stderr"], "propagate": False}
    return {"version": 1, "disable_existing_loggers": False,
            "formatters": {"lines": {"()": "portal.log_lines.make_formatter", "kind": kind}},
            "handlers": {"stderr": {"class": "portal.log_lines.Stderr", "formatter": "lines"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {"gunicorn.error": own, "gunicorn.access": {**own, "level": "CRITICAL"}}}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _plain(value: object) -> object:
    return value if isinstance(value, int | float) or value is None else escaped(str(value))
