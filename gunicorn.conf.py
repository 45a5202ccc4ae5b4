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
    """Load the models before the first image arrives; a damaged one costs its answers, not the portal."""
    for state in worker.app.callable.extensions["engine"].load_all():
        if not state.ok:
            worker.log.error("the model %s cannot be used: %s", state.key, state.problem)
