"""Deleting a case, which takes two people: one proposes it with a reason, another confirms it.

What remains is the tombstone in `case_deletions` and the audit trail. Files go after the commit: what stops between
the two leaves files without rows, which the worker deletes later, never rows without files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError, OperationalError

from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotDeleted, NotFound
from portal.storage import deletions, jobs
from portal.storage.files import Files
from portal.storage.incoming import Incoming
from portal.storage.tables.cases import Case
from portal.storage.tables.columns import now
from portal.storage.tables.deletions import CaseDeletion

log = logging.getLogger("portal.deletions")

REASON_LENGTH = 500
TRIES = 5
"""Others who add to the case at the same moment may make the database give up one of the two."""
ENDED = "The case was deleted."
CHANGED = "A case that this searched for was deleted. Ask again."
STANDS = "Its deletion is proposed already."
OVER = "This proposal was withdrawn or carried out a moment ago."
NOBODY = ("Nobody else may confirm this: you are the only administrator and the case is your own. Make another "
          "administrator first.")
OTHER = "Whoever proposed it cannot confirm it. Another administrator must."
OWNER = "You are the only administrator: the case’s owner must confirm it."
WRONG_NUMBER = "That is not the number of this case. Type {number}."
BUSY = "Somebody keeps adding to this case. Try again in a minute."


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who acts: only what the rules ask."""

    id: int
    administers: bool


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A proposal as one person sees it; `why_not` says why they cannot confirm it."""

    row: CaseDeletion
    may_confirm: bool
    may_withdraw: bool
    why_not: str


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where the files of cases lie."""

    store: Files
    incoming: Incoming


def who_may_confirm(proposer: int, owner: int, administrators: Collection[int]) -> frozenset[int]:
    """Any administrator but who proposed it; where no other is there, the case's owner, unless they proposed it."""
    others = frozenset(administrators) - {proposer}
    return others or frozenset({owner}) - {proposer}


def find_case(case_id: int, person: Person) -> Case:
    """The case, for its owner or an administrator. Raises NotFound."""
    case = deletions.find_case(case_id)
    if case is None or not (person.administers or case.owner_id == person.id):
        raise NotFound
    return case


def propose(actor: audit.Actor, person: Person, case_id: int, reason: str) -> int:
    """Propose that the case be deleted; returns the proposal. Raises NotFound or NotDeleted."""
    find_case(case_id, person)
    plain = " ".join(reason.split())
    if not plain or len(plain) > REASON_LENGTH:
        raise NotDeleted(f"Say why, in at most {REASON_LENGTH} characters.")
    # Held, so that of two who propose at once one is told.
    if not deletions.hold_case(case_id):
        db.session.rollback()
        raise NotFound
    case = deletions.find_case(case_id)
    assert case is not None
    problem = _why_not_proposed(case, plain)
    if problem:
        db.session.rollback()
        raise NotDeleted(problem)
    row = deletions.add(CaseDeletion(case_id=case_id, owner_id=case.owner_id, reason=plain, proposed_by=person.id))
    audit.record(actor, "case.delete.propose", f"case:{case_id}", proposal=row.id, reason=plain)
    proposal = row.id
    db.session.commit()
    return proposal


def propose_many(actor: audit.Actor, person: Person, case_ids: Collection[int], reason: str) -> int:
    """Propose each of them; how many there were. One that is gone or proposed already is passed over.

    Raises NotDeleted when the reason cannot stand for any.
    """
    done, problem = 0, None
    for case_id in sorted(set(case_ids)):
        try:
            propose(actor, person, case_id, reason)
            done += 1
        except NotFound:
            continue
        except NotDeleted as refused:
            problem = refused if str(refused) != STANDS else problem
    if problem and not done:
        raise problem
    return done


def withdraw(actor: audit.Actor, person: Person, deletion_id: int, at: datetime) -> int:
    """Take a proposal back; returns the case. Raises NotFound or NotDeleted."""
    row = _visible(deletions.lock(deletion_id), person)
    _still_open(row)
    row.state, row.withdrawn_by, row.ended_at = "withdrawn", person.id, at
    audit.record(actor, "case.delete.withdraw", f"case:{row.case_id}", proposal=row.id, was="proposed",
                 now=row.state)
    case_id = row.case_id
    db.session.commit()
    return case_id


def confirm(actor: audit.Actor, person: Person, deletion_id: int, typed: str, shelf: Shelf) -> int:
    """Delete the case for good; returns its number. Raises NotFound or NotDeleted."""
    row = _visible(deletions.find(deletion_id), person)
    _check(row, person, typed)
    case_id = row.case_id
    _again_when_in_the_way(lambda: _cancel_jobs(actor, case_id))
    _again_when_in_the_way(lambda: _carry_out(actor, person, deletion_id, typed))
    finish(shelf)
    return case_id


def finish(shelf: Shelf) -> int:
    """Delete the files of cases that are gone. Returns how many; what does not answer is asked again later."""
    gone = 0
    for row in deletions.list_with_files_left():
        held = row.files_left or {}
        try:
            for name in held.get("stored", ()):
                shelf.store.delete(name)
            for name in held.get("incoming", ()):
                shelf.incoming.delete(name)
        except OSError:
            log.exception("files of deletion %d could not be deleted; they will be later", row.id)
            continue
        gone += sum(len(names) for names in held.values())
        row.files_left = None
        db.session.commit()
    return gone


def look_at(deletion_id: int, person: Person) -> Sight:
    """Raises NotFound for somebody who neither administers nor owns the case."""
    return _sight(_visible(deletions.find(deletion_id), person), person, deletions.list_administrators())


def list_open(person: Person) -> list[Sight]:
    """Every proposal that waits."""
    administrators = deletions.list_administrators()
    return [_sight(row, person, administrators) for row in deletions.list_open()]


def find_open(case_id: int) -> CaseDeletion | None:
    """The proposal that waits for this case."""
    return deletions.find_open(case_id)


def _why_not_proposed(case: Case, reason: str) -> str:
    if deletions.find_open(case.id):
        return STANDS
    if case.patient.strip().casefold() in reason.casefold():
        return "Leave the pseudonym out of the reason: the reason stays when the case is gone."
    return ""


def _visible(row: CaseDeletion | None, person: Person) -> CaseDeletion:
    if row is None or not (person.administers or person.id in (row.owner_id, row.proposed_by)):
        db.session.rollback()
        raise NotFound
    return row


def _still_open(row: CaseDeletion) -> None:
    if row.state != "proposed":
        db.session.rollback()
        raise NotDeleted(OVER)


def _check(row: CaseDeletion, person: Person, typed: str) -> None:
    """Raises NotDeleted with the first thing that stands in the way."""
    _still_open(row)
    why_not = _why_not(row, person, deletions.list_administrators())
    if not why_not and typed.strip() != str(row.case_id):
        why_not = WRONG_NUMBER.format(number=row.case_id)
    if why_not:
        db.session.rollback()
        raise NotDeleted(why_not)


def _why_not(row: CaseDeletion, person: Person, administrators: Collection[int]) -> str:
    entitled = who_may_confirm(row.proposed_by, row.owner_id, administrators)
    if person.id in entitled:
        return ""
    if not entitled:
        return NOBODY
    return OWNER if entitled == {row.owner_id} and row.owner_id not in administrators else OTHER


def _sight(row: CaseDeletion, person: Person, administrators: Collection[int]) -> Sight:
    open_, why_not = row.state == "proposed", _why_not(row, person, administrators)
    return Sight(row=row, may_confirm=open_ and not why_not, may_withdraw=open_, why_not=why_not if open_ else "")


def _cancel_jobs(actor: audit.Actor, case_id: int) -> None:
    """In a transaction of its own: a worker that ends a job holds the case first and then the job, we the other way."""
    for job_id in deletions.list_open_jobs(case_id):
        if jobs.end_unheld(job_id, jobs.OPEN, state="cancelled", ended_at=now(), reason=ENDED):
            jobs.delete_parts(job_id)
            audit.record(actor, "job.cancelled", f"job:{job_id}", case=case_id)
    db.session.commit()


def _carry_out(actor: audit.Actor, person: Person, deletion_id: int, typed: str) -> None:
    """One transaction, in which the case is confirmed, emptied and gone."""
    found = deletions.find(deletion_id)
    held = found is not None and deletions.hold_case(found.case_id)
    row = deletions.lock(deletion_id)
    if row is None or not held:
        db.session.rollback()
        raise NotDeleted(OVER)
    _check(row, person, typed)
    deletions.hold_content(row.case_id)
    for job_id in deletions.list_open_jobs(row.case_id):
        jobs.end_unheld(job_id, jobs.OPEN, state="cancelled", ended_at=now(), reason=ENDED)
    for job_id in deletions.halt_exports(row.case_id, CHANGED):
        audit.record(actor, "job.cancelled", f"job:{job_id}", case=row.case_id)
    row.state, row.confirmed_by, row.ended_at = "confirmed", person.id, now()
    db.session.flush()
    stock = deletions.take_stock(row.case_id)
    deletions.erase(row.case_id)
    row.state, row.counts, row.hashes = "done", stock.counts, stock.hashes
    row.files_left = {"stored": stock.stored, "incoming": stock.incoming}
    audit.record(actor, "case.delete", f"case:{row.case_id}", proposal=row.id, proposed_by=row.proposed_by,
                 confirmed_by=person.id, reason=row.reason, counts=stock.counts)
    db.session.commit()


def _again_when_in_the_way(act: Callable[[], None]) -> None:
    """Begin once more where the database chose us to give way. Raises NotDeleted when it always does."""
    for _ in range(TRIES):
        try:
            return act()
        except (IntegrityError, OperationalError) as problem:
            db.session.rollback()
            log.info("a deletion gave way: %s", type(problem.orig).__name__)
    raise NotDeleted(BUSY)
