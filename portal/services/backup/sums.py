"""What a table adds up to, whatever the order of its rows, and on one database as on the other."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from portal.services.errors import BackupProblem

WHOLE_SECOND = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
MOST = 2**256


def portable(value: Any) -> Any:
    """A value of a row as JSON holds it: times as SQLite keeps them, bytes as {"b": base64}. Raises BackupProblem."""
    if value is None or isinstance(value, int | float | str):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, bytes | bytearray | memoryview):
        return {"b": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise BackupProblem(f"The database holds a kind of value that backups do not know: {type(value).__name__}.")


def native(value: Any) -> Any:
    """The way back from `portable`; both databases take a time as text."""
    return base64.b64decode(value["b"]) if isinstance(value, dict) else value


def line_of(values: Sequence[Any]) -> str:
    """A row, its values already portable and in the order of their columns' names."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class TableSum:
    """Counts rows and adds up their sha256. `exact` tells every difference; `rough` knows what the two databases keep
    differently: MariaDB's FLOAT has six digits, and SQLite's own clock no fractions of a second.
    """

    def __init__(self) -> None:
        self.rows = self._exact = self._rough = 0

    def add(self, values: Sequence[Any], line: str) -> None:
        number = _number(line)
        rough = [_rough(value) for value in values]
        self.rows += 1
        self._exact = (self._exact + number) % MOST
        self._rough = (self._rough + (number if rough == values else _number(line_of(rough)))) % MOST

    def told(self) -> dict[str, Any]:
        return {"rows": self.rows, "exact": f"{self._exact:064x}", "rough": f"{self._rough:064x}"}


def _rough(value: Any) -> Any:
    if isinstance(value, float):
        return f"{struct.unpack('f', struct.pack('f', value))[0]:.6g}"
    if isinstance(value, str) and len(value) == 19 and WHOLE_SECOND.fullmatch(value):
        return f"{value}.000000"
    return value


def _number(line: str) -> int:
    return int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
