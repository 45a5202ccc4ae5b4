"""The worker with kinds of job for tests, and quicker: `python -m celery --app tests.support.worker_app worker`.

Every computation is a line of `worked.log` in the instance folder: what, job, part, process and time.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from typing import Any

from portal import worker
from portal.services.jobs import carrier, registry, run, work
from portal.services.jobs.kinds import fit
from portal.services.jobs.work import Work
from tests.support.worker_log import GO, LOG


def note(this: Work, what: str, part: int = 0) -> None:
    """One line, written at once: so lines of several processes never mix."""
    with (this.settings.instance / LOG).open("ab", buffering=0) as log:
        log.write(f"{what} {this.job.id} {part} {os.getpid()} {time.time()}\n".encode())


class Made:
    """A kind of job, its name that of its class."""

    PATIENCE = 30.0

    @property
    def NAME(self) -> str:
        return type(self).__name__.lower()

    def run(self, this: Work) -> dict[str, Any]:
        raise NotImplementedError


class Parts(Made):
    """`parts` parts of `seconds` each, held at the one that the order names; the result is which of them there are."""

    def run(self, this: Work) -> dict[str, Any]:
        total = this.job.params["parts"]
        for part in sorted(set(range(total)) - this.finished_parts()):
            note(this, "begun", part)
            while part == this.job.params.get("held_at") and not (this.settings.instance / GO).exists():
                this.check()
                threading.Event().wait(0.05)
            threading.Event().wait(this.job.params["seconds"])
            note(this, "computed", part)
            this.keep(part, bytes([part]), done=part + 1, total=total)
        note(this, "put-together")
        return {"parts": sorted(part[0] for part in this.parts().values())}


class Whole(Made):
    """Work without parts that says now and then how far it is."""

    def run(self, this: Work) -> dict[str, Any]:
        note(this, "begun")
        for step in range(this.job.params["steps"]):
            threading.Event().wait(0.1)
            this.progress(step, this.job.params["steps"])
        return {}


class Short(Made):
    def run(self, this: Work) -> dict[str, Any]:
        note(this, "computed")
        return {}


class Dies(Made):
    """Takes its process with it, as a broken decoder does."""

    def run(self, this: Work) -> dict[str, Any]:
        note(this, "begun")
        os._exit(1)


class Hangs(Made):
    """Never comes back."""

    PATIENCE = 0.5

    def run(self, this: Work) -> dict[str, Any]:
        note(this, "begun")
        threading.Event().wait()
        return {}


class Meets(Made):
    """Goes on once another process is at one too."""

    def run(self, this: Work) -> dict[str, Any]:
        note(this, "met")
        log = this.settings.instance / LOG
        while len({line.split()[3] for line in log.read_text().splitlines() if line.startswith("met ")}) < 2:
            this.check()
            threading.Event().wait(0.05)
        return {}


registry.KINDS.update({kind.NAME: kind for kind in (Parts(), Whole(), Short(), Dies(), Hangs(), Meets())})
run.LEASE, run.RENEW_EVERY, run.LOOK_SECONDS, run.RETRY_SECONDS = timedelta(seconds=4), 2, 0.5, 0.2
work.SLICE_SECONDS = 2.0
fit.MODULE = "tests.support.stub_training"
worker.LOOK_SECONDS = 1.0
worker.celery.conf.task_default_queue = carrier.QUEUE = os.environ["TEST_QUEUE"]
celery = worker.celery
