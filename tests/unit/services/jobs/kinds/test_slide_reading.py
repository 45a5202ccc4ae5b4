"""A slide is read once, in parts that no interruption computes again, and ends in one prediction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from models.slides.reading import SLIDE_NOTE
from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotChosen, NotFound, PixelSizeProblem
from portal.services.jobs import queue
from portal.services.jobs import work as working
from portal.services.slides import reading
from portal.storage import access
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job, JobPart
from portal.storage.tables.readings import Prediction, WorkItem
from tests.support import slides
from tests.support.dropped_in import drop_in

WIDTH, COLUMNS = 1500, 3


@pytest.fixture
def owner(app: Flask, tmp_path: Path, make_user: Callable[..., int]) -> int:
    drop_in(app, tmp_path / "dropped-in")
    return make_user()


@pytest.fixture
def image_id(app: Flask, owner: int) -> int:
    with app.app_context():
        case_id = slides.open_case(owner)
    return slides.keep_slide(app, case_id, slides.painted(WIDTH, 600))


@pytest.fixture
def computed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the parts that the system was asked for."""
    numbers: list[int] = []
    reader = app.extensions["engine"].slides("rainbow").reader
    whole = reader.read_part

    def counted(slide: Any, plan: Any, number: int, run: Any) -> bytes:
        numbers.append(number)
        return bytes(whole(slide, plan, number, run))

    object.__setattr__(reader, "read_part", counted)
    return numbers


def ask(app: Flask, owner: int, image_id: int, model: str = "rainbow") -> int:
    parts = app.extensions
    return reading.ask(parts["carrier"], audit.Actor(user_id=owner), parts["engine"], image_id, model)


def job_of(job_id: int) -> Job:
    job = db.session.get(Job, job_id, populate_existing=True)
    assert job is not None
    return job


def only_prediction() -> Prediction:
    return db.session.scalars(select(Prediction)).one()


@pytest.mark.usefixtures("image_id")
def test_a_slide_ends_in_a_prediction_that_everything_holds_for(app: Flask, owner: int, image_id: int) -> None:
    with app.app_context():
        job_id = ask(app, owner, image_id)
        slides.work(app)
        job, prediction = job_of(job_id), only_prediction()
        assert (job.state, job.result) == ("done", {"prediction": prediction.id, "image": image_id})
        assert (prediction.outcome, prediction.label, prediction.version) == ("scored", "bright", "1")
        assert prediction.demonstration == "It was fitted on made-up rainbows."
        assert SLIDE_NOTE in (prediction.evidence or {})["notes"]
        assert db.session.scalars(select(WorkItem.prediction_id)).all() == [prediction.id]
        events = db.session.scalars(select(AuditEvent.action)).all()
        assert {"job.ask", "image.read", "job.done"} <= set(events)
        assert db.session.scalar(select(func.count()).select_from(JobPart)) == 0


def test_an_interrupted_reading_goes_on_where_it_stood_and_says_the_same(
    app: Flask, owner: int, image_id: int, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        ask(app, owner, image_id)
        slides.work(app)
        whole = only_prediction()
        wanted = (whole.scores, whole.label, whole.layers, whole.evidence)
        again = slides.keep_slide(app, whole.image.case_id, slides.painted(WIDTH, 600))
        computed.clear()
        monkeypatch.setattr(working, "SLICE_SECONDS", 0.0)
        ask(app, owner, again)
        slides.work(app)
        other = db.session.scalars(select(Prediction).where(Prediction.image_id == again)).one()
        assert (other.scores, other.label, other.layers, other.evidence) == wanted
        assert sorted(computed) == list(range(COLUMNS))


def test_a_cancelled_reading_leaves_no_prediction(
    app: Flask, owner: int, image_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "SLICE_SECONDS", 0.0)
    with app.app_context():
        job_id = ask(app, owner, image_id)
        slides.work(app, turns=1)
        queue.cancel(audit.Actor(user_id=owner), job_id)
        slides.work(app)
        assert job_of(job_id).state == "cancelled"
        assert db.session.scalars(select(Prediction)).all() == []


@pytest.mark.parametrize("box", [None, (0, 0, 600, 600)])
def test_a_distant_storage_may_take_long_for_a_whole_slide(
    app: Flask, owner: int, image_id: int, box: tuple[int, int, int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, watched, patience = app.extensions, list[float](), list[float]()
    local = parts["files"].local

    def fetched(name: str) -> Path:
        patience.append(watched[-1])
        path = local(name)
        watched.append(-1)
        assert isinstance(path, Path)
        return path

    with app.app_context():
        reading.ask(parts["carrier"], audit.Actor(user_id=owner), parts["engine"], image_id, "rainbow", box, 10**7)
        monkeypatch.setattr(parts["files"], "local", fetched)
        slides.work(app, 1, watched.append)
    assert patience[0] == working.TRANSFER_SECONDS
    assert 0 < watched[watched.index(-1) + 1] < working.TRANSFER_SECONDS, "afterwards it is watched as ever"


def test_asked_twice_it_is_read_once(app: Flask, owner: int, image_id: int, computed: list[int]) -> None:
    with app.app_context():
        first = ask(app, owner, image_id)
        assert ask(app, owner, image_id) == first
        slides.work(app)
        later = ask(app, owner, image_id)
        slides.work(app)
        assert later != first
        assert job_of(later).result == job_of(first).result
        assert len(computed) == COLUMNS


def test_a_slide_that_the_plan_refuses_is_refused_with_its_reason(app: Flask, owner: int) -> None:
    with app.app_context():
        small = slides.keep_slide(app, slides.open_case(owner), slides.painted(200, 30))
        ask(app, owner, small)
        slides.work(app)
        prediction = only_prediction()
        assert (prediction.outcome, prediction.reason) == ("refused", "Too small for a rainbow.")
        assert not prediction.scores


def test_a_damaged_slide_fails_with_a_sentence(app: Flask, owner: int, image_id: int) -> None:
    with app.app_context():
        image = db.session.get(Image, image_id)
        assert image is not None
        app.extensions["files"].local(image.stored_as).write_bytes(b"II+\0")
        job_id = ask(app, owner, image_id)
        slides.work(app)
        assert job_of(job_id).state == "failed"
        assert "damaged" in job_of(job_id).reason


def test_a_slide_that_is_no_longer_shared_is_not_read(app: Flask, owner: int, image_id: int) -> None:
    with app.app_context():
        job_id = ask(app, owner, image_id)
        image = db.session.get(Image, image_id)
        assert image is not None
        access.remove_reader(image.case_id, owner)
        db.session.commit()
        slides.work(app)
        assert (job_of(job_id).state, "no longer" in job_of(job_id).reason) == ("failed", True)


def test_what_cannot_be_read_is_said_when_it_is_asked_for(
    app: Flask, owner: int, image_id: int, make_user: Callable[..., int]
) -> None:
    stranger = make_user("other@clinic.example")
    with app.app_context():
        with pytest.raises(NotChosen, match="Cut a region out"):
            ask(app, owner, image_id, "leukemia")
        with pytest.raises(NotChosen):
            ask(app, owner, image_id, "no-such-system")
        with pytest.raises(NotFound):
            ask(app, stranger, image_id)
        unsized = slides.keep_slide(app, slides.open_case(owner), slides.painted(700, 600), um_per_px=None)
        with pytest.raises(PixelSizeProblem, match="not known"):
            ask(app, owner, unsized)
        coarse = slides.keep_slide(app, slides.open_case(owner), slides.painted(700, 600), um_per_px=9.0)
        with pytest.raises(PixelSizeProblem, match="cannot be right"):
            ask(app, owner, coarse)
        assert db.session.scalars(select(Job)).all() == []
