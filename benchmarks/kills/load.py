"""Readers that upload all the time, and remember what was acknowledged."""

from __future__ import annotations

import io
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse

import numpy as np
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

SIDE = 96


@dataclass(frozen=True)
class Kept:
    """An upload that was answered with the id of its image, and the bytes that were sent."""

    image: int
    prediction: int | None
    data: bytes


@dataclass(frozen=True)
class Refused:
    """An answer that kept nothing."""

    status: int
    said: str
    again_in: str | None = None
    """What it said of when to try again."""


@dataclass
class Load:
    """So many threads that upload; every fifth image is sent once more, as a browser does that got no answer."""

    port: int
    token: str
    case_id: int
    seed: int
    kept: list[Kept] = field(default_factory=list)
    sent: int = 0
    unanswered: int = 0
    refused: list[Refused] = field(default_factory=list)
    slowest: float = 0.0
    """Seconds of the answer that took longest."""
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, threads: int) -> None:
        self._threads = [threading.Thread(target=self._upload, args=(number,)) for number in range(threads)]
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _upload(self, thread: int) -> None:
        dice = np.random.default_rng([self.seed, thread])
        for number in itertools.count():
            if self._over.is_set():
                return
            data = picture(dice)
            for _ in range(2 if number % 5 == 0 else 1):
                self._send(data)

    def _send(self, data: bytes) -> None:
        self.sent += 1
        begun = time.monotonic()
        boundary, body = encode_multipart({"model": "leukemia", "images": [FileStorage(io.BytesIO(data), "a.png")]})
        line = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("POST", f"/api/v1/cases/{self.case_id}/images", body, {
                "Authorization": f"Bearer {self.token}", "Content-Type": f'multipart/form-data; boundary="{boundary}"'})
            answer = line.getresponse()
            said = answer.read()
        except (OSError, HTTPException):
            self.unanswered += 1
            time.sleep(0.05)
            return
        finally:
            line.close()
        self.slowest = max(self.slowest, time.monotonic() - begun)
        self._note(answer, said, data)

    def _note(self, answer: HTTPResponse, said: bytes, data: bytes) -> None:
        if answer.status not in (200, 201):
            self.refused.append(Refused(answer.status, f"{said[:300]!r}", answer.headers["Retry-After"]))
            time.sleep(0.05)
            return
        for one in json.loads(said)["files"]:
            if one.get("image"):
                self.kept.append(Kept(one["image"], one.get("prediction"), data))
            else:
                self.refused.append(Refused(answer.status, str(one)))


def picture(dice: np.random.Generator) -> bytes:
    """A small image that nobody sent before."""
    buffer = io.BytesIO()
    Image.fromarray(dice.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
