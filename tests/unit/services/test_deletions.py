"""A case goes when two people say so, wholly, and leaves what must be said of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from portal.extensions import db
from portal.services import audit, deletions
from portal.services.deletions import Person, Shelf
from portal.services.errors import NotDeleted, NotFound
from portal.services.jobs import queue
from portal.services.jobs.kinds import export
from portal.services.jobs.work import Work
from portal.storage import work_items
from portal.storage.cases import CaseFilter
from portal.storage.incoming import Incoming
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case, CaseReader, Delivery, Image
from portal.storage.tables.columns import now
from portal.storage.tables.deletions import CaseDeletion
from portal.storage.tables.jobs import Job, JobPart
from portal.storage.tables.readings import Annotation, Prediction, Report, Review, ReviewDraft, WorkItem
from tests.support.readings import Filler
from tests.unit.services.jobs.conftest import Made, Queue

OF_A_CASE = (Case, CaseReader, Image, Prediction, Review, ReviewDraft, WorkItem, Annotation, Report, Delivery, JobPart)
PSEUDONYM = "Zebra-4711"


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def shelf(inside: Flask) -> Shelf:
    settings = inside.extensions["settings"]
    return Shelf(store=inside.extensions["files"], incoming=Incoming(settings.incoming))


def person(name: str, role: str = "admin") -> Person:
    user = User(email=f"{name}@clinic.example", name=name.title(), role=role, status="approved", password_hash="")
    db.session.add(user)
    db.session.commit()
    return Person(id=user.id, administers=role == "admin")


def actor(who: Person) -> audit.Actor:
    return audit.Actor(user_id=who.id, address="192.0.2.1")


def full_case(shelf: Shelf, owner: Person, number: int = 0) -> tuple[int, list[str], str]:
    """A case with one of everything; its id, the names of its files, and that of a file on its way in."""
    filler = Filler(made=number)
    case_id = filler.case(owner.id)
    case = db.session.get_one(Case, case_id)
    case.patient = PSEUDONYM
    kept, made, sent = (shelf.store.put(b"image", ".png"), shelf.store.put(b"%PDF", ".pdf"), shelf.incoming.create())
    image = Image(case_id=case_id, sha256=f"{number:064}", name="smear.png", stored_as=kept, content_type="image/png",
                  format="png", width=9, height=9, size=5)
    prediction = Prediction(image=image, model="leukemia", version="1", weights_sha256="w" * 64, outcome="scored",
                            label="Pre", scores={"Pre": 1.0}, ms=1.0)
    db.session.add(prediction)
    db.session.flush()
    work_items.add_for_readers(prediction, case_id)
    filler.review(prediction.id, owner.id, "Pro")
    done = Job(kind="report", owner_id=owner.id, case_id=case_id, title=f"Report of {PSEUDONYM}", state="done",
               result={"file": {"stored_as": made, "name": "r.pdf", "type": "application/pdf", "size": 4}})
    waiting = Job(kind="slide-reading", owner_id=owner.id, image_id=image.id, title="Read it", state="running",
                  lease="l" * 32)
    db.session.add_all([done, waiting])
    db.session.flush()
    db.session.add_all([
        ReviewDraft(prediction_id=prediction.id, reader_id=owner.id, content={}),
        Annotation(image_id=image.id, reader_id=owner.id, mark="m" * 32, shape="point", points=[[1, 2]]),
        Report(case_id=case_id, number=1, signed_by=owner.id, content={"patient": PSEUDONYM}, sha256="r" * 64),
        Delivery(user_id=owner.id, case_id=case_id, name="big.svs", size=10, stored_as=sent),
        JobPart(job_id=waiting.id, number=0, content=b"part")])
    db.session.commit()
    return case_id, [kept, made], sent


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_everything_of_the_case_goes_and_a_tombstone_without_the_pseudonym_stays(shelf: Shelf) -> None:
    first, second, owner = person("ada"), person("bea"), person("cleo", "clinician")
    case_id, files, sent = full_case(shelf, owner)
    proposal = deletions.propose(actor(first), first, case_id, "Kept for ten years")
    assert deletions.confirm(actor(second), second, proposal, f" {case_id} ", shelf) == case_id
    assert {table.__tablename__: count(table) for table in OF_A_CASE} == {one.__tablename__: 0 for one in OF_A_CASE}
    for name in files:
        assert not shelf.store.local(name).exists()
    assert not shelf.incoming.path(sent).exists()
    stone = db.session.scalars(select(CaseDeletion)).one()
    assert (stone.state, stone.proposed_by, stone.confirmed_by) == ("done", first.id, second.id)
    assert stone.counts == {"images": 1, "predictions": 1, "reviews": 1, "drawings": 1, "reports": 1, "files": 3,
                            "jobs": 2}
    assert stone.hashes is not None
    assert stone.hashes["images"] == ["0" * 64]
    assert stone.files_left is None
    told = [str(column) for table in (CaseDeletion, Job, AuditEvent)
            for row in db.session.execute(select(*table.__table__.columns)) for column in row]  # type: ignore[attr-defined]
    assert not [one for one in told if PSEUDONYM in one]
    jobs = {(job.title, job.state, job.case_id, job.image_id) for job in db.session.scalars(select(Job))}
    assert jobs == {(f"Of case {case_id}, deleted", state, None, None) for state in ("done", "cancelled")}
    actions = list(db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))
    assert actions == ["case.delete.propose", "job.cancelled", "case.delete"]


def test_another_case_keeps_everything(shelf: Shelf) -> None:
    first, second = person("ada"), person("bea")
    gone, _, _ = full_case(shelf, first)
    stays, files, sent = full_case(shelf, first, number=1)
    before = {table.__tablename__: count(table) for table in OF_A_CASE}
    deletions.confirm(actor(second), second, deletions.propose(actor(first), first, gone, "Old"), str(gone), shelf)
    assert {table.__tablename__: count(table) * 2 for table in OF_A_CASE} == before
    assert all(shelf.store.local(name).exists() for name in files)
    assert shelf.incoming.path(sent).exists()
    assert db.session.get(Case, stays) is not None


def history_of(who: Person, text: str = "", state: str = "queued") -> int:
    """A job for a history, of all cases or of those that a search finds."""
    order = export.history_order(actor(who), who.id, CaseFilter(text=text), "all", "csv")
    job = queue.add(actor(who), order)
    job.state = state
    job.lease = "l" * 32 if state == "running" else None
    db.session.commit()
    return job.id


def test_a_history_that_is_being_made_begins_anew_and_nothing_of_the_case_stays(inside: Flask, shelf: Shelf) -> None:
    first, second = person("ada"), person("bea")
    case_id, _, _ = full_case(shelf, first)
    proposal, made = deletions.propose(actor(first), first, case_id, "Old"), list[bytes]()
    names = list[str]()

    def deleted_before_its_end(work: Work) -> dict[str, Any]:
        result = export.run(work)
        names.append(result["file"]["stored_as"])
        made.append(shelf.store.local(names[-1]).read_bytes())
        if len(made) == 1:
            deletions.confirm(actor(second), second, proposal, str(case_id), shelf)
        return result

    jobs, job_id = Queue(inside, {"export": Made(deleted_before_its_end)}), history_of(first)
    assert jobs.turn()
    assert (jobs.job(job_id).state, jobs.job(job_id).lease, jobs.job(job_id).tries) == ("queued", None, 0)
    assert not shelf.store.local(names[0]).exists()
    assert not jobs.turn()
    assert jobs.job(job_id).state == "done"
    assert [PSEUDONYM.encode() in one for one in made] == [True, False]


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
@pytest.mark.parametrize("text", [PSEUDONYM, "zebra", f" {PSEUDONYM.upper()} left"])
def test_a_search_for_the_pseudonym_is_forgotten_whatever_became_of_it(shelf: Shelf, state: str, text: str) -> None:
    first, second = person("ada"), person("bea")
    case_id, _, _ = full_case(shelf, first)
    this, other = history_of(first, text, state), history_of(first, "Okapi-1", state)
    proposal = deletions.propose(actor(first), first, case_id, "Old")
    deletions.confirm(actor(second), second, proposal, str(case_id), shelf)
    ended, kept = db.session.get_one(Job, this), db.session.get_one(Job, other)
    assert (ended.params, ended.lease) == ({"forgotten": True}, None)
    assert ended.state == (state if state == "failed" else "cancelled")
    assert not queue.may_be_tried_again(ended)
    assert kept.params["cases"]["text"] == "Okapi-1"
    assert (kept.state, kept.lease) == ("queued" if state == "running" else state, None)


def test_the_number_of_a_deleted_case_is_not_given_again(shelf: Shelf) -> None:
    first, second = person("ada"), person("bea")
    case_id, _, _ = full_case(shelf, first)
    image_id = db.session.scalar(select(Image.id))
    deletions.confirm(actor(second), second, deletions.propose(actor(first), first, case_id, "Old"), str(case_id),
                      shelf)
    again, _, _ = full_case(shelf, first)
    assert again > case_id
    assert (db.session.scalar(select(Image.id)) or 0) > (image_id or 0)


def test_nobody_confirms_their_own_proposal_or_with_another_number(shelf: Shelf) -> None:
    first, second = person("ada"), person("bea")
    case_id, _, _ = full_case(shelf, first)
    proposal = deletions.propose(actor(first), first, case_id, "Old")
    with pytest.raises(NotDeleted, match="cannot confirm"):
        deletions.confirm(actor(first), first, proposal, str(case_id), shelf)
    with pytest.raises(NotDeleted, match="not the number"):
        deletions.confirm(actor(second), second, proposal, str(case_id + 1), shelf)
    assert count(Case) == 1


def test_where_one_administers_alone_the_owner_confirms(shelf: Shelf) -> None:
    alone, owner, other = person("ada"), person("cleo", "clinician"), person("dan", "clinician")
    case_id, _, _ = full_case(shelf, owner)
    proposal = deletions.propose(actor(alone), alone, case_id, "Old")
    assert deletions.look_at(proposal, owner).may_confirm
    with pytest.raises(NotFound):
        deletions.confirm(actor(other), other, proposal, str(case_id), shelf)
    deletions.confirm(actor(owner), owner, proposal, str(case_id), shelf)
    assert count(Case) == 0


def test_an_owner_who_proposes_needs_an_administrator(shelf: Shelf) -> None:
    owner, admin = person("cleo", "clinician"), person("ada")
    case_id, _, _ = full_case(shelf, owner)
    proposal = deletions.propose(actor(owner), owner, case_id, "Wrong patient")
    assert not deletions.look_at(proposal, owner).may_confirm
    deletions.confirm(actor(admin), admin, proposal, str(case_id), shelf)
    assert count(Case) == 0


def test_a_withdrawn_proposal_cannot_be_confirmed_and_another_may_follow(shelf: Shelf) -> None:
    first, second = person("ada"), person("bea")
    case_id, _, _ = full_case(shelf, first)
    proposal = deletions.propose(actor(first), first, case_id, "Old")
    with pytest.raises(NotDeleted, match="already"):
        deletions.propose(actor(second), second, case_id, "Old")
    deletions.withdraw(actor(second), second, proposal, now())
    with pytest.raises(NotDeleted, match="withdrawn"):
        deletions.confirm(actor(second), second, proposal, str(case_id), shelf)
    assert deletions.propose(actor(first), first, case_id, "Old after all") > proposal


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, f"The patient {PSEUDONYM.lower()} asked for it"])
def test_a_reason_is_needed_and_does_not_name_the_patient(shelf: Shelf, reason: str) -> None:
    admin = person("ada")
    case_id, _, _ = full_case(shelf, admin)
    with pytest.raises(NotDeleted):
        deletions.propose(actor(admin), admin, case_id, reason)
    assert count(CaseDeletion) == 0


@pytest.mark.parametrize("table", ["reviews", "predictions", "annotations", "reports"])
@pytest.mark.parametrize("proposed", [False, True])
def test_the_database_refuses_to_delete_before_two_have_said_so(shelf: Shelf, table: str, proposed: bool) -> None:
    admin = person("ada")
    case_id, _, _ = full_case(shelf, admin)
    if proposed:
        deletions.propose(actor(admin), admin, case_id, "Old")
    with pytest.raises(DatabaseError, match="never changed or deleted"):
        db.session.execute(text(f"DELETE FROM {table}"))
    db.session.rollback()


@pytest.mark.parametrize("change", [
    "state = 'confirmed', confirmed_by = proposed_by",
    "state = 'confirmed'",
    "state = 'confirmed', confirmed_by = {clinician}",
    "state = 'done', confirmed_by = {second}",
    "reason = 'another'",
    "proposed_by = {second}",
])
def test_the_database_refuses_a_confirmation_by_one_person(shelf: Shelf, change: str) -> None:
    first, second, clinician = person("ada"), person("bea"), person("cleo", "clinician")
    case_id, _, _ = full_case(shelf, first)
    deletions.propose(actor(first), first, case_id, "Old")
    with pytest.raises(DatabaseError):
        db.session.execute(text("UPDATE case_deletions SET " + change.format(second=second.id, clinician=clinician.id)))
    db.session.rollback()


def test_a_tombstone_is_never_taken_away(shelf: Shelf) -> None:
    first, second = person("ada"), person("bea")
    case_id, _, _ = full_case(shelf, first)
    deletions.confirm(actor(second), second, deletions.propose(actor(first), first, case_id, "Old"), str(case_id),
                      shelf)
    for statement in ("DELETE FROM case_deletions", "UPDATE case_deletions SET state = 'withdrawn'"):
        with pytest.raises(DatabaseError):
            db.session.execute(text(statement))
        db.session.rollback()


def test_files_that_could_not_be_deleted_go_later(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = person("ada"), person("bea")
    case_id, files, _ = full_case(shelf, first)
    proposal = deletions.propose(actor(first), first, case_id, "Old")
    with monkeypatch.context() as broken:
        def fail(_name: str) -> None:
            raise OSError

        broken.setattr(shelf.store, "delete", fail)
        deletions.confirm(actor(second), second, proposal, str(case_id), shelf)
    assert count(Case) == 0
    assert shelf.store.local(files[0]).exists()
    assert deletions.finish(shelf) == 3
    assert not shelf.store.local(files[0]).exists()
    assert deletions.finish(shelf) == 0


def test_of_two_who_confirm_at_once_one_deletes(inside: Flask, shelf: Shelf) -> None:
    first, second, third = person("ada"), person("bea"), person("cleo")
    case_id, _, _ = full_case(shelf, first)
    proposal = deletions.propose(actor(first), first, case_id, "Old")
    together, said = threading.Barrier(2), []

    def act(who: Person) -> None:
        with inside.app_context():
            together.wait()
            try:
                said.append(str(deletions.confirm(actor(who), who, proposal, str(case_id), shelf)))
            except NotDeleted as problem:
                said.append(str(problem))

    threads = [threading.Thread(target=act, args=(who,)) for who in (second, third)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(said) == sorted([str(case_id), deletions.OVER])
    assert db.session.scalar(select(func.count()).where(AuditEvent.action == "case.delete")) == 1


PEOPLE = st.integers(min_value=1, max_value=6)


@given(proposer=PEOPLE, owner=PEOPLE, administrators=st.frozensets(PEOPLE))
def test_whoever_may_confirm_is_never_who_proposed(proposer: int, owner: int, administrators: frozenset[int]) -> None:
    entitled = deletions.who_may_confirm(proposer, owner, administrators)
    assert proposer not in entitled
    assert entitled <= administrators | {owner}
    if administrators - {proposer}:
        assert entitled == administrators - {proposer}
