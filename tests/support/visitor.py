"""A browser without a screen, for portals in processes of their own."""

from __future__ import annotations

import http.client
import re
import select
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import encode_multipart

from tests.conftest import PASSWORD
from tests.support.served import EMAIL

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Visitor:
    """A browser that keeps its cookie and, where it may, its connection."""

    port: int
    kept: bool = True
    cookie: str = ""
    connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def ask(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> tuple[int, str]:
        connection = self._kept_one() or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.connection = None
        headers = {"Cookie": self.cookie, "Accept": "text/html", **({"Content-Type": content_type} if body else {})}
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except BaseException:
            connection.close()
            raise
        self._take(answer.headers.get_all("Set-Cookie") or [])
        if self.kept and not answer.will_close:
            self.connection = connection
        else:
            connection.close()
        return answer.status, text

    def _take(self, cookies: list[str]) -> None:
        held = dict(one.split("=", 1) for one in self.cookie.split("; ") if one)
        held.update(one.partition(";")[0].split("=", 1) for one in cookies)
        self.cookie = "; ".join(f"{name}={value}" for name, value in held.items())

    def _kept_one(self) -> http.client.HTTPConnection | None:
        """As browsers do: one that the server closed while nobody used it is not used again."""
        if self.connection and select.select([self.connection.sock], [], [], 0)[0]:
            self.connection.close()
            self.connection = None
        return self.connection

    def leave(self) -> None:
        if self.connection:
            self.connection.close()

    def send(self, path: str, **fields: Any) -> tuple[int, str]:
        token = TOKEN.search(self.ask("GET", "/account" if self.cookie else "/login")[1])
        assert token
        boundary, body = encode_multipart({**fields, "csrf_token": token.group(1)})
        return self.ask("POST", path, body, f'multipart/form-data; boundary="{boundary}"')

    def log_in(self) -> None:
        self.ask("GET", "/login")
        token = TOKEN.search(self.ask("GET", "/login")[1])
        assert token
        boundary, body = encode_multipart({"email": EMAIL, "password": PASSWORD, "csrf_token": token.group(1)})
        assert self.ask("POST", "/login", body, f'multipart/form-data; boundary="{boundary}"')[0] == 303
