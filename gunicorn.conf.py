"""How gunicorn serves the portal: one process with threads, so that every model is in memory once."""

import os
import shutil
import tempfile
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from config import load_settings
from portal.log_lines import gunicorn_config


class Worker(ThreadWorker):  # type: ignore[misc]
    """One that is asked to end refuses whoever comes then; gunicorn's lets them wait until it is gone.

    After a reload the master and the next process hold the same door open, and nobody is refused.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:
            for door in self.sockets:
                door.close()


_settings = load_settings()

bind = _settings.authority
worker_class = Worker
# More would only wait for the cores and hold memory meanwhile; slow lines belong behind a proxy that buffers.
threads = 4
timeout = 120
graceful_timeout = 30
keepalive = 5
control_socket_disable = True
logconfig_dict = gunicorn_config(_settings.log_format)
# Where the web processes of this machine add up what they count; a reload finds the folder of the first start.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="secondread-metrics-")


def post_worker_init(worker: Any) -> None:
    """Say which models are damaged; a damaged one costs its answers, not the portal.

    A model is loaded by its first image: most clinics use one or two of them, and memory is what they lack.
    """
    # Chunks that are none are found out by whoever reads them. Here, so that the master need not carry the portal.
    from gunicorn.http.errors import ParseException

    from portal.views.errors import answer_broken_request
    worker.app.callable.register_error_handler(ParseException, answer_broken_request)
    for state in worker.app.callable.extensions["engine"].verify(quick=True):
        if not (state.ok or state.absent):
            worker.log.error("the model %s cannot be used: %s", state.key, state.problem)


def on_exit(_server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
