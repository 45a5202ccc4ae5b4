"""A portal as a clinic runs it, started from this environment: gunicorn, a worker, an account, a case."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving.client import Connection, Upload
from benchmarks.serving.portal_stack import EMAIL, MODEL, PortalSession
from benchmarks.serving.process import ROOT, Command, Server, free_port, run

PASSWORD = "soaked harbour lantern 42"  # noqa: S105  (of an account that ends with the benchmark)
_EXPORT = re.compile(r"(MALLOC_\w+)=(\d+)")
_PYTHON = sys.executable


class Session(PortalSession):
    """A clinician who sends files and reads the answers."""

    def put(self, connection: Connection, name: str, data: bytes) -> tuple[int, str]:
        """Status, and what became of the file in a word."""
        upload = Upload(name=name, data=data, kind="application/octet-stream")
        answer = connection.request("POST", f"{self._case}/images", self.body(upload), self._headers)
        told = json.loads(answer.body) if answer.body.startswith(b"{") else {}
        verdict = (told.get("files") or [{}])[0]
        if verdict.get("existing"):
            return answer.status, "there already"
        return answer.status, verdict.get("code") or verdict.get("outcome") or "no verdict"


@contextmanager
def served(folder: Path) -> Iterator[tuple[Server, int, Session]]:
    """The running server, the id of its worker, and somebody who is logged in."""
    port = free_port()
    exports = dict(_EXPORT.findall((ROOT / "run.sh").read_text(encoding="utf-8")))
    env = {"PORTAL_INSTANCE": str(folder), "DATABASE_URL": "", "HOST": "127.0.0.1", "PORT": str(port),
           "PORTAL_UPLOADS_AN_HOUR": "1000000", **exports}
    flask = (_PYTHON, "-m", "flask", "--app", "wsgi")
    run(Command(argv=(*flask, "prepare"), env=env))
    run(Command(argv=(*flask, "users", "create", EMAIL, "--name", "Soak", "--role", "clinician", "--password-stdin",
                      "--approved"), env=env), stdin=f"{PASSWORD}\n")
    celery = Command(argv=(_PYTHON, "-m", "celery", "--app", "portal.worker", "--quiet", "worker", "--loglevel",
                           "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"), env=env)
    gunicorn = Command(argv=(_PYTHON, "-m", "gunicorn", "wsgi:app"), env=env)
    with (folder / "worker.log").open("wb") as log, Server(gunicorn, port, folder / "web.log") as server:
        worker = subprocess.Popen(celery.argv, cwd=ROOT, env=celery.environment(), stdout=log,  # noqa: S603
                                  stderr=log)
        try:
            yield server, worker.pid, Session(port, EMAIL, PASSWORD, MODEL)
        finally:
            worker.terminate()
            worker.wait()
