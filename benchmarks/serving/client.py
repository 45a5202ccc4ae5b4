"""The HTTP client of every measurement: one connection kept alive, and a form with a file in it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass

BOUNDARY = "secondread-benchmark-3f9c51d07a"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
TIMEOUT_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, and after how long."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    ms: float


class Connection:
    """One kept-alive connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)

    def request(self, method: str, path: str, body: bytes | None = None,
                headers: Mapping[str, str] | None = None) -> Answer:
        """Send, read the whole answer, and take the time of both."""
        started = time.perf_counter()
        try:
            answer = self._exchange(method, path, body, headers or {})
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # A server may close an idle connection; a browser then opens another, and so do we.
            self._http.close()
            answer = self._exchange(method, path, body, headers or {})
        content = answer.read()
        return Answer(status=answer.status, headers=answer.headers, body=content,
                      ms=(time.perf_counter() - started) * 1000)

    def close(self) -> None:
        self._http.close()

    def _exchange(self, method: str, path: str, body: bytes | None,
                  headers: Mapping[str, str]) -> http.client.HTTPResponse:
        self._http.request(method, path, body, dict(headers))
        return self._http.getresponse()


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file to send."""

    name: str
    data: bytes
    kind: str = "image/jpeg"


def form(fields: Mapping[str, str], file_field: str, upload: Upload) -> bytes:
    """A multipart form, as a browser sends it."""
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]
    head = (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{file_field}"; '
            f'filename="{upload.name}"\r\nContent-Type: {upload.kind}\r\n\r\n').encode()
    return b"".join([*parts, head, upload.data, f"\r\n--{BOUNDARY}--\r\n".encode()])
