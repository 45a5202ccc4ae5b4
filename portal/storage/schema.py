"""All tables at once: what one module says of another's tables by name is found only when all are known."""

from portal.extensions import db
from portal.storage.tables import (
    accounts,
    administration,
    backups,
    cases,
    deletions,
    jobs,
    notices,
    operations,
    readings,
)

__all__ = ["KEPT", "TRAIL", "accounts", "administration", "backups", "cases", "deletions", "jobs", "list_tables",
           "notices", "operations", "readings"]

TRAIL = ("audit_events", "audit_seals")
"""Tables whose rows are never changed or deleted; triggers of the migrations refuse it."""
KEPT = ("annotations", "predictions", "reports", "reviews")
"""Tables whose rows are never changed; triggers let them go only with a case whose deletion two people confirmed."""


def list_tables() -> list[str]:
    """The names of all tables, by name."""
    return sorted(db.metadata.tables)
