"""Celery carries the news that there is work, and nothing else: what there is to do stands in the table."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError, OperationalError
from kombu.transport import TRANSPORT_ALIASES

from config import Settings
from portal.services.jobs import letterbox

log = logging.getLogger("portal.jobs")

TASK = "secondread.work"
QUEUE = "secondread"
CONNECT_SECONDS = 2
FILES = "letterbox"
TRANSPORT_ALIASES[FILES] = "portal.services.jobs.letterbox:Transport"


class Carrier:
    """A Celery application with the broker of the settings, or with files in the instance folder as its broker."""

    def __init__(self, settings: Settings) -> None:
        self.celery = Celery("secondread", set_as_current=False)
        self.celery.conf.update(
            broker_url=settings.broker_url or f"{FILES}://here/", broker_transport_options=_options(settings),
            broker_connection_timeout=CONNECT_SECONDS, broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,
            task_default_queue=QUEUE, task_ignore_result=True, task_serializer="json", accept_content=["json"],
            worker_prefetch_multiplier=1, worker_enable_remote_control=False, worker_send_task_events=False,
            worker_hijack_root_logger=False, worker_redirect_stdouts=False,
            worker_concurrency=settings.worker_processes,
            worker_cancel_long_running_tasks_on_connection_loss=False,
        )

    def wake(self, expires: float | None = None) -> None:
        """Say that there is work. A broker that does not answer delays the work until a worker looks by itself."""
        try:
            self.celery.send_task(TASK, queue=QUEUE, expires=expires, retry=False, ignore_result=True)
        except (KombuError, OperationalError, OSError) as problem:
            log.warning("the broker does not answer (%s): the job waits until a worker looks", type(problem).__name__)


def _options(settings: Settings) -> dict[str, Any]:
    if settings.broker_url.startswith("redis"):
        return {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": 10}
    if settings.broker_url:
        return {}
    folders = {name: settings.messages / part for name, part in
               (("data_folder_in", "queue"), ("data_folder_out", "queue"), ("control_folder", "control"))}
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    letterbox.tidy(folders["data_folder_in"])
    return {name: str(folder) for name, folder in folders.items()}
