"""All that is held about one pseudonym, as a ZIP that the administrator fetches who asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.services.exports import subject
from portal.services.jobs.product import kept, workshop
from portal.services.jobs.queue import Order
from portal.services.jobs.work import TRANSFER_SECONDS, JobFailed, Work
from portal.storage import access, deletions, subjects
from portal.storage.tables.columns import now

NAME = "pseudonym-export"
PATIENCE = TRANSFER_SECONDS
NOBODY = "Only an administrator may take this away."
CHANGED = "A case was deleted since this was asked for. Ask again."
VEILED = "You are to read some of these cases blind. Read them first, or ask another administrator for this export."


def order(case_ids: Sequence[int]) -> Order:
    """Neither its title nor its parameters tell the pseudonym."""
    number = len(case_ids)
    cases = "1 case" if number == 1 else f"{number} cases"
    return Order(kind=NAME, title=f"All that is held about one pseudonym ({cases})",
                 params={"cases": list(case_ids)})


def run(work: Work) -> dict[str, Any]:
    """As things are when it is made."""
    ids, owner = work.job.params["cases"], work.job.owner_id
    if owner not in deletions.list_administrators():
        raise JobFailed(NOBODY)
    if access.list_veiled(owner, list(subjects.list_prediction_ids(ids)), []):
        raise JobFailed(VEILED)
    cases = [one for one in (deletions.find_case(number) for number in ids) if one is not None]
    if len(cases) != len(ids):
        raise JobFailed(CHANGED)
    done = iter(range(1, 10**9))

    def step() -> None:
        number = next(done)
        work.progress(number, 0, f"{number} pieces")

    with workshop(work.settings) as folder:
        made, path = now(), folder / "pseudonym.zip"
        subject.write(path, work.desk.store, cases, made, step)
        return kept(work, path, f"secondread-pseudonym-{made:%Y-%m-%d}.zip", "application/zip")
