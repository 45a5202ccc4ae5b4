"""The servers that are compared: how each is started, and how one image is sent to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.serving.client import FORM, Connection, Upload, form
from benchmarks.serving.process import ROOT, Command, Server

RIVALS = Path(__file__).resolve().parent / "rivals"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a server made of one image. `outcome` is scored, refused or error."""

    status: int
    outcome: str
    ms: float


class Session(Protocol):
    """Somebody who may send images to a running server."""

    def body(self, upload: Upload) -> bytes:
        """The request's body, made before the clock runs."""

    def send(self, connection: Connection, body: bytes) -> Sent:
        """Send one image and wait for all that a user waits for."""


class Stack(Protocol):
    """One way to serve."""

    @property
    def key(self) -> str:
        """Its name on the command line."""

    @property
    def title(self) -> str:
        """Its name in the table."""

    def command(self, port: int) -> Command:
        """What starts it."""

    def open(self, server: Server) -> Session:
        """Do what comes before the first image."""


class FormSession:
    """One POST with the image, one JSON answer."""

    def body(self, upload: Upload) -> bytes:
        return form({}, "image", upload)

    def send(self, connection: Connection, body: bytes) -> Sent:
        answer = connection.request("POST", "/predict", body, {"Content-Type": FORM})
        return Sent(status=answer.status, outcome="scored" if answer.status == 200 else "error", ms=answer.ms)


class GradioSession:
    """Gradio's documented way: upload the file, name it in a call, wait for the event."""

    def body(self, upload: Upload) -> bytes:
        return form({}, "files", upload)

    def send(self, connection: Connection, body: bytes) -> Sent:
        kept = connection.request("POST", "/gradio_api/upload", body, {"Content-Type": FORM})
        if kept.status != 200:
            return Sent(status=kept.status, outcome="error", ms=kept.ms)
        file = {"path": json.loads(kept.body)[0], "meta": {"_type": "gradio.FileData"}}
        called = connection.request("POST", "/gradio_api/call/predict", json.dumps({"data": [file]}).encode(),
                                    {"Content-Type": "application/json"})
        event = json.loads(called.body)["event_id"]
        told = connection.request("GET", f"/gradio_api/call/predict/{event}")
        good = told.status == 200 and b"event: complete" in told.body
        ms = kept.ms + called.ms + told.ms
        return Sent(status=told.status, outcome="scored" if good else "error", ms=ms)


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A server of `rivals/`, in an environment of its own."""

    key: str
    title: str
    python: Path
    arguments: tuple[str, ...]
    session: type[FormSession] | type[GradioSession] = FormSession

    def command(self, port: int) -> Command:
        argv = (str(self.python), *(argument.replace("PORT", str(port)) for argument in self.arguments))
        # Not in the repository's folder: gunicorn would find the portal's own configuration there.
        return Command(argv=argv, cwd=RIVALS, env={"PYTHONPATH": str(ROOT)})

    def open(self, server: Server) -> Session:
        return self.session()


def rivals(python: Path) -> tuple[Rival, ...]:
    """Whom the portal is compared with; the ratios count from the first."""
    package = "benchmarks.serving.rivals"
    gunicorn = ("-m", "gunicorn", "--workers", "1", "--worker-class", "gthread", "--threads", "8",
                "--no-control-socket", "--log-level", "critical", "--bind", "127.0.0.1:PORT")
    return (
        Rival(key="fastapi", title="FastAPI + torch", python=python,
              arguments=("-m", f"{package}.fastapi_torch", "PORT")),
        Rival(key="flask", title="Flask + torch", python=python,
              arguments=(*gunicorn, f"{package}.flask_torch:app")),
        Rival(key="gradio", title="Gradio", python=python,
              arguments=("-m", f"{package}.gradio_torch", "PORT"), session=GradioSession),
    )
