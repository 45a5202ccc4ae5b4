"""This portal as a clinic runs it: gunicorn, SQLite, an account, a login, a case, and CSRF on every form."""

from __future__ import annotations

import json
import re
import secrets
from http.cookies import SimpleCookie
from pathlib import Path

from benchmarks.serving.client import FORM, Answer, Connection, Upload, form
from benchmarks.serving.process import ROOT, Command, Server, free_port, run
from benchmarks.serving.stacks import Sent

EMAIL = "benchmark@clinic.example"
MODEL = "leukemia"
_EXPORT = re.compile(r"(MALLOC_\w+)=(\d+)")
_TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')


class Portal:
    """The portal on an instance folder of its own; `model` is the one that sessions send images to."""

    key = "portal"
    title = "SecondRead"

    def __init__(self, instance: Path, model: str = MODEL) -> None:
        self._model = model
        self._env = {"PORTAL_INSTANCE": str(instance), "DATABASE_URL": "", "HOST": "127.0.0.1",
                     "PORTAL_UPLOADS_AN_HOUR": "1000000"}
        self._password = secrets.token_urlsafe(18)

    def prepare(self, log: Path) -> None:
        """Install what is missing, create the database by starting once as a clinic does, and an account."""
        port = free_port()
        with Server(self.whole_start(port), port, log):
            pass
        self.flask("users", "create", EMAIL, "--name", "Benchmark", "--role", "clinician", "--password-stdin",
                   "--approved", stdin=f"{self._password}\n")

    def flask(self, *arguments: str, stdin: str = "", accepted: tuple[int, ...] = (0,)) -> str:
        """The portal's command line on this instance."""
        return run(Command(argv=("./run.sh", "flask", *arguments), env=self._env), stdin, accepted)

    def whole_start(self, port: int) -> Command:
        """As a person starts it: set-up checks, migration and tidying before gunicorn."""
        return Command(argv=("./run.sh",), env={**self._env, "PORT": str(port)})

    def command(self, port: int) -> Command:
        """The line with which run.sh ends, with what it exports for the allocator."""
        gunicorn = str(ROOT / ".venv/bin/gunicorn")
        exports = dict(_EXPORT.findall((ROOT / "run.sh").read_text(encoding="utf-8")))
        return Command(argv=(gunicorn, "wsgi:app"), env={**self._env, **exports, "PORT": str(port)})

    def open(self, server: Server) -> PortalSession:
        return PortalSession(server.port, EMAIL, self._password, self._model)


class PortalSession:
    """A clinician who has logged in and opened a case."""

    def __init__(self, port: int, email: str, password: str, model: str) -> None:
        self._model = model
        self._connection = Connection(port)
        self._cookies: SimpleCookie = SimpleCookie()
        token = self._token("/login")
        self._post("/login", {"csrf_token": token, "email": email, "password": password})
        token = self._token("/cases/new")
        fields = {"csrf_token": token, "patient": "P-0001", "specimen": "Peripheral blood"}
        self._case = self._post("/cases/new", fields).headers["Location"]
        self._case_token = self._token(self._case)
        self._headers = {"Content-Type": FORM, "Accept": "application/json", "Cookie": self._cookie()}

    def body(self, upload: Upload) -> bytes:
        return form({"csrf_token": self._case_token, "model": self._model}, "images", upload)

    def send(self, connection: Connection, body: bytes) -> Sent:
        answer = connection.request("POST", f"{self._case}/images", body, self._headers)
        files = json.loads(answer.body)["files"] if answer.body.startswith(b"{") else []
        if files and files[0]["existing"]:
            raise RuntimeError("The portal answered from an existing record: the images are not distinct.")
        return Sent(status=answer.status, outcome=files[0]["outcome"] if files else "error", ms=answer.ms)

    def _token(self, path: str) -> str:
        page = self._get(path)
        found = _TOKEN.search(page.body)
        if page.status != 200 or not found:
            raise RuntimeError(f"GET {path} answered {page.status} and no CSRF token.")
        return found.group(1).decode()

    def _get(self, path: str) -> Answer:
        return self._remember(self._connection.request("GET", path, None, {"Cookie": self._cookie()}))

    def _post(self, path: str, fields: dict[str, str]) -> Answer:
        """A small form; it goes as multipart with an empty file, which forms without a file ignore."""
        body = form(fields, "none", Upload(name="", data=b"", kind="application/octet-stream"))
        headers = {"Content-Type": FORM, "Cookie": self._cookie()}
        answer = self._connection.request("POST", path, body, headers)
        if answer.status != 303:
            raise RuntimeError(f"POST {path} answered {answer.status} instead of 303.")
        return self._remember(answer)

    def _remember(self, answer: Answer) -> Answer:
        for header in answer.headers.get_all("Set-Cookie") or []:
            self._cookies.load(header)
        return answer

    def _cookie(self) -> str:
        return "; ".join(f"{name}={morsel.value}" for name, morsel in self._cookies.items())
