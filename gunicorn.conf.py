"""How gunicorn serves the portal: one process with threads, so that every model is in memory once."""

from typing import Any

from config import load_settings

_settings = load_settings()

bind = _settings.authority
worker_class = "gthread"
# More would only wait for the cores and hold memory meanwhile; slow lines belong behind a proxy that buffers.
threads = 4
timeout = 120
graceful_timeout = 30
keepalive = 5
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Say which models are damaged; a damaged one costs its answers, not the portal.

    A model is loaded by its first image: most clinics use one or two of them, and memory is what they lack.
    """
    for state in worker.app.callable.extensions["engine"].verify():
        if not (state.ok or state.absent):
            worker.log.error("the model %s cannot be used: %s", state.key, state.problem)
