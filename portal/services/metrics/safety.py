"""What /metrics tells of the last backup and of the audit trail's chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import Metric

from config import Settings
from portal.services import audit_log
from portal.services.backup.daily import last_backup
from portal.services.chain import keeper
from portal.services.metrics.families import gauge
from portal.storage.tables.columns import now


def of_backups(settings: Settings) -> Iterator[Metric]:
    """Nothing where no daily backup is set up and none was ever made; no age before the first success."""
    last = last_backup(settings)
    if last.ended_at:
        yield gauge("secondread_backup_age_seconds", "Since the last daily backup that succeeded.",
                    _age(last.ended_at))
        yield gauge("secondread_backup_bytes", "How large that backup is.", last.size)
    if last.configured or last.ended_at or last.failed_at:
        yield gauge("secondread_backup_failed", "1 where the last try failed.", float(last.failed_at is not None))


def of_audit_trail(_: Settings) -> Iterator[Metric]:
    """Where the chain stands, and what the last verification found."""
    standing = keeper.standing()
    yield gauge("secondread_audit_seals", "Number of the last seal over audit events.", standing.seals)
    if standing.sealed_at:
        yield gauge("secondread_audit_seal_age_seconds", "Since the last seal was made.", _age(standing.sealed_at))
    yield gauge("secondread_audit_unsealed_events", "Audit events that no seal holds yet.", standing.pending)
    verified = audit_log.last_verified()
    if verified:
        yield gauge("secondread_audit_verified_age_seconds", "Since the audit trail was last verified.",
                    _age(verified.at))
        yield gauge("secondread_audit_verified_ok", "1 where the last verification found nothing.", float(verified.ok))


def _age(moment: datetime) -> float:
    """Not below 0: the clock may have been set back."""
    return max(0.0, (now() - moment).total_seconds())
