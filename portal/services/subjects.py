"""One pseudonym over all cases and owners: found, taken away as a whole, proposed for deletion. For administrators.

The pseudonym itself stands in no audit event and in no job: both name the cases.
"""

from __future__ import annotations

from collections.abc import Sequence

from portal.extensions import db
from portal.services import audit
from portal.services.deletions import Person, propose_many
from portal.services.errors import NotFound, StillVeiled
from portal.services.jobs.carrier import Carrier
from portal.services.jobs.kinds import pseudonym_export
from portal.services.jobs.queue import submit
from portal.storage import access, subjects
from portal.storage.tables.cases import Case


def find(actor: audit.Actor, patient: str) -> list[Case]:
    """The cases of exactly this pseudonym; that somebody looked is recorded, with how many and which."""
    found = subjects.list_cases(patient.strip())
    audit.record(actor, "pseudonym.search", found=len(found), cases=[one.id for one in found])
    db.session.commit()
    return found


def count_veiled(reader_id: int, case_ids: Sequence[int]) -> int:
    """How many answers in these cases this administrator, who reads them blind, has still to read."""
    return len(access.list_veiled(reader_id, list(subjects.list_prediction_ids(case_ids)), []))


def order_export(carrier: Carrier, actor: audit.Actor, patient: str) -> int:
    """Ask for all that is held; returns the job. Raises NotFound, or StillVeiled where it would tell what its reader is
    to read blind first.
    """
    assert actor.user_id is not None
    cases = subjects.list_cases(patient.strip())
    if not cases:
        raise NotFound
    ids = [one.id for one in cases]
    if count_veiled(actor.user_id, ids):
        raise StillVeiled
    for one in ids:
        audit.record(actor, "case.export-all", f"case:{one}")
    return submit(carrier, actor, pseudonym_export.order(ids))


def propose_deletion(actor: audit.Actor, person: Person, patient: str, reason: str) -> int:
    """Propose to delete every case of it; how many. Raises NotFound or NotDeleted."""
    cases = subjects.list_cases(patient.strip())
    if not cases:
        raise NotFound
    return propose_many(actor, person, [one.id for one in cases], reason)
