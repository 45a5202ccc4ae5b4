"""A connection to MariaDB that notices soon when the server is silent, and still waits for a long query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymysql.connections import Connection

ANSWER_SECONDS = 5.0
"""For what a server answers at once: its greeting, and whether it is there."""


class Line(Connection):
    """`read_timeout` bounds a query; a greeting and a ping need no such patience."""

    _read_timeout: float | None

    def connect(self, sock: Any = None) -> None:
        with self._impatient():
            super().connect(sock)

    def ping(self, reconnect: bool = False) -> None:
        with self._impatient():
            super().ping(reconnect)

    @contextmanager
    def _impatient(self) -> Iterator[None]:
        patient, self._read_timeout = self._read_timeout, ANSWER_SECONDS
        try:
            yield
        finally:
            self._read_timeout = patient
