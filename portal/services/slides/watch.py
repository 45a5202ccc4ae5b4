"""What a worker does at every look, beside its jobs: clear away what was taken in, and watch the import folder."""

from __future__ import annotations

import logging
from datetime import timedelta

from config import Settings
from portal.extensions import db
from portal.services import audit
from portal.services.errors import DoubtfulName, NotFound
from portal.services.file_facts import facts
from portal.services.jobs.carrier import Carrier
from portal.services.slides import folder
from portal.services.slides.folder import FoundFile
from portal.storage import cases, deliveries, jobs
from portal.storage.incoming import Incoming
from portal.storage.tables.columns import now

log = logging.getLogger("portal.slides")

FORGET_AFTER = timedelta(hours=48)
GRACE = timedelta(seconds=10)
"""A worker that is asked to stop may still be reading what was sent."""


class Watcher:
    """One worker process's memory of the folder: a file is taken in when two looks in a row found it the same."""

    def __init__(self, settings: Settings, carrier: Carrier) -> None:
        self._settings, self._carrier = settings, carrier
        self._seen: dict[tuple[int, str], list[int]] = {}
        self._done: dict[tuple[int, str], list[int]] = {}

    def look(self) -> None:
        """Cheap: three small queries, and one for each case in whose folder something new lies."""
        incoming = Incoming(self._settings.incoming)
        try:
            with incoming.one_at_a_time() as alone:
                if alone:
                    clear_away(incoming)
                    self._look_into_folder()
        except Exception:
            # Whatever lies there: a worker that fell at every look would do no job any more.
            db.session.rollback()
            log.exception("the look at the folder of incoming files, and at the import folder, failed")

    def _look_into_folder(self) -> None:
        found = {(case_id, one.name): one for case_id in folder.list_cases(self._settings.import_folder)
                 for one in folder.list_files(self._settings.import_folder, case_id)}
        fresh = {key: one for key, one in found.items() if self._done.get(key) != one.state}
        for key, one in fresh.items():
            if self._seen.get(key) == one.state:
                self._take_in(one)
                self._done[key] = one.state
        self._seen = {key: one.state for key, one in fresh.items()}
        self._done = {key: state for key, state in self._done.items() if key in found}

    def _take_in(self, one: FoundFile) -> None:
        case = cases.load_case(one.case_id)
        if case is None:
            log.warning("the import folder has something for case %d, which does not exist", one.case_id)
            return
        try:
            folder.take_in(self._settings, self._carrier, audit.Actor(user_id=case.owner_id), case.id, one.name)
        except NotFound:
            log.debug("a file of case %d was taken in before", one.case_id)
        except DoubtfulName:
            log.info("a file for case %d waits in the import folder until a reader has looked at its name", one.case_id)


def clear_away(incoming: Incoming) -> int:
    """Delete what was sent of slides that are kept, refused, cancelled or forgotten. Returns how many."""
    moment = now()
    gone = [*deliveries.list_ended(jobs.OPEN, moment - GRACE), *deliveries.list_forgotten(moment - FORGET_AFTER)]
    for one in gone:
        if one.job_id is None:
            audit.record(audit.Actor(), "delivery.forget", f"case:{one.case_id}", delivery=one.id,
                         **facts(one.name, one.size))
        incoming.delete(one.stored_as)
        deliveries.delete_delivery(one)
        db.session.commit()
    return len(gone) + incoming.sweep(deliveries.list_stored_names(), FORGET_AFTER.total_seconds())
