"""A slide is taken in as it was when its hash was made, is given time to be stored, and leaves no file but a row's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from models.imaging.limits import OUR_OWN
from models.sandbox.slides import Taken
from portal.extensions import db
from portal.services import audit
from portal.services.jobs import queue, run
from portal.services.jobs import work as working
from portal.services.jobs.kinds import slide_import
from portal.services.slides import folder, taking
from portal.services.uploads import Desk
from portal.storage import jobs
from portal.storage.files import FileStore, files_below
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from tests.support import slides

NAME = "k-4711.svs"


@dataclass
class Scanner:
    """An import folder with one slide for one case, and a worker that takes it in."""

    app: Flask
    owner: int
    case_id: int
    root: Path
    watched: list[float] = field(default_factory=list)
    """What the worker said of its patience."""

    @property
    def path(self) -> Path:
        return self.root / f"case-{self.case_id}" / NAME

    def ask(self) -> int:
        parts = self.app.extensions
        return folder.take_in(parts["settings"], parts["carrier"], audit.Actor(user_id=self.owner), self.case_id, NAME)

    def turn(self, store: FileStore | None = None) -> None:
        parts = self.app.extensions
        desk = Desk(engine=parts["engine"], store=store or parts["files"], writer=parts["writer"], limits=OUR_OWN)
        run.run_next({"slide-import": slide_import}, desk, parts["settings"], parts["carrier"], "w",
                     self.watched.append)

    def job(self, job_id: int) -> Job:
        return db.session.get_one(Job, job_id, populate_existing=True)

    def kept(self) -> list[Path]:
        return [path for path, _state in files_below(self.app.extensions["settings"].files)]


@pytest.fixture
def scanner(app: Flask, make_user: Callable[..., int], tmp_path: Path) -> Iterator[Scanner]:
    root, owner = tmp_path / "scanner", make_user()
    app.extensions["settings"] = replace(app.extensions["settings"], import_folder=root)
    with app.app_context():
        made = Scanner(app, owner, slides.open_case(owner), root)
        made.path.parent.mkdir(parents=True)
        made.path.write_bytes(slides.slide())
        yield made


@dataclass
class Slow(FileStore):
    """A store that keeps a file while something else happens."""

    root: Path
    meanwhile: Callable[[], None]

    def __post_init__(self) -> None:
        super().__init__(self.root)

    def put_file(self, path: Path, extension: str) -> str:
        name = super().put_file(path, extension)
        self.meanwhile()
        return name


def test_a_file_rewritten_between_two_turns_is_not_kept_under_the_hash_of_the_other(
        scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "SLICE_SECONDS", 0.0)
    job_id = scanner.ask()
    scanner.turn()
    assert jobs.list_part_numbers(job_id) == {0}, "a turn ends with the hash"
    scanner.path.write_bytes(slides.slide(seed=2))
    scanner.turn()
    job = scanner.job(job_id)
    assert (job.state, job.reason) == ("failed", slide_import.CHANGED)
    assert db.session.scalar(select(Image)) is None


def test_one_that_stayed_is_kept_in_its_second_turn(scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "SLICE_SECONDS", 0.0)
    job_id = scanner.ask()
    scanner.turn()
    scanner.turn()
    assert scanner.job(job_id).state == "done"
    assert len(scanner.kept()) == 1


def test_a_hash_that_an_older_version_kept_is_taken(scanner: Scanner) -> None:
    job_id = scanner.ask()
    jobs.add_part(job_id, 0, b"5" * 64)
    db.session.commit()
    scanner.turn()
    assert db.session.scalars(select(Image.sha256)).all() == ["5" * 64]


def test_a_file_rewritten_while_it_is_taken_in_leaves_nothing_in_the_store(
        scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    def rewritten_meanwhile(*asked: Any) -> Taken:
        taken = taking.take_in(*asked)
        scanner.path.write_bytes(slides.slide(seed=2))
        return taken

    monkeypatch.setattr(slide_import, "take_in", rewritten_meanwhile)
    job_id = scanner.ask()
    scanner.turn()
    job = scanner.job(job_id)
    assert (job.state, job.reason) == ("failed", slide_import.CHANGED)
    assert scanner.kept() == []


def test_a_storage_may_take_longer_than_anything_else(scanner: Scanner) -> None:
    scanner.ask()
    patience: list[float] = []
    scanner.turn(Slow(scanner.app.extensions["settings"].files, lambda: patience.append(scanner.watched[-1])))
    assert patience == [working.TRANSFER_SECONDS]
    assert scanner.watched[-2:] == [slide_import.PATIENCE, 0], "afterwards it is watched as ever"


def test_what_is_cancelled_while_it_is_stored_leaves_no_file(scanner: Scanner) -> None:
    job_id = scanner.ask()

    def cancel() -> None:
        queue.cancel(audit.Actor(user_id=scanner.owner), job_id)

    scanner.turn(Slow(scanner.app.extensions["settings"].files, cancel))
    assert scanner.job(job_id).state == "cancelled"
    assert db.session.scalar(select(Image)) is None
    assert scanner.kept() == []


def test_nothing_is_taken_from_the_folder_onto_a_full_disk(scanner: Scanner) -> None:
    job_id = scanner.ask()
    scanner.app.extensions["settings"] = replace(scanner.app.extensions["settings"], min_free_bytes=10**18)
    scanner.turn()
    job = scanner.job(job_id)
    assert job.state == "failed"
    assert "disk is nearly full" in job.reason
    assert scanner.kept() == []
