"""Everything that /metrics tells, put together at the moment it is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import ValueClass
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from models.engine import Engine
from portal.extensions import db
from portal.services import drift_page, readiness
from portal.services.metrics import families, safety
from portal.services.metrics.tally import Tally
from portal.storage import jobs
from portal.storage.tables.columns import now

log = logging.getLogger("portal.metrics")
CONTENT_TYPE = CONTENT_TYPE_LATEST
SHARED = "MmapedValue"
"""What prometheus_client counts with where gunicorn.conf.py gave it a folder to share."""

Source = Callable[[Settings], Iterator[Metric]]
SOURCES: list[Source] = [safety.of_backups, safety.of_audit_trail]
"""What other parts of the house tell of themselves: each gives `families.gauge(…)`s. Asked only while the database
answers; what it raises of SQLAlchemyError costs its own samples.
"""


class _Told:
    """The families of one request as a collector."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def render(probe: readiness.Probe, engine: Engine, settings: Settings, tally: Tally) -> bytes:
    """The text. A database that is away costs what it counts, not the rest."""
    facts = probe.facts(db.engine)
    parts = readiness.judge(facts, engine, settings)
    told = [families.of_parts(parts), families.gauge("secondread_disk_free_bytes", "Bytes free where files are kept.",
                                                     readiness.free_bytes(settings.instance))]
    if next(part.well for part in parts if part.name == "database"):
        told += _from_database(facts, engine, settings, tally)
    registry = CollectorRegistry()
    registry.register(_Told(told))
    return generate_latest(registry) + generate_latest(_of_requests())


def _from_database(facts: readiness.Facts | None, engine: Engine, settings: Settings, tally: Tally) -> list[Metric]:
    told: list[Metric] = []
    for source in (lambda _: families.of_runs(tally.count(now())), lambda _: _of_jobs(facts),
                   lambda _: drift_page.tell(engine, now()), *SOURCES):
        try:
            told += list(source(settings))
        except SQLAlchemyError as problem:
            db.session.rollback()
            log.error("the database did not tell what it counts: %s", type(problem).__name__)
    return told


def _of_jobs(facts: readiness.Facts | None) -> Iterator[Metric]:
    yield families.of_queue(jobs.count_open_by_kind())
    if facts is None:
        return
    waiting = (now() - facts.oldest_ready).total_seconds() if facts.oldest_ready else 0.0
    yield families.gauge("secondread_oldest_job_seconds", "How long the job waits that waits longest.",
                         max(0.0, waiting))
    if facts.worker_seen:
        yield families.gauge("secondread_worker_quiet_seconds", "Seconds since any worker was last there.",
                             max(0.0, (now() - facts.worker_seen).total_seconds()))


def _of_requests() -> CollectorRegistry:
    """Of all web processes of this machine where gunicorn serves; else of this one."""
    if ValueClass.__name__ != SHARED:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
