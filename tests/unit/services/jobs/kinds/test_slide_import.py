"""A slide is taken in as it was when its hash was made, is given time to be stored, and leaves no file but a row's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from flask import Flask

from models.imaging.limits import OUR_OWN
from portal.extensions import db
from portal.services import audit
from portal.services.jobs import run
from portal.services.jobs.kinds import slide_import
from portal.services.slides import folder
from portal.services.uploads import Desk
from portal.storage.files import FileStore, files_below
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


def test_nothing_is_taken_from_the_folder_onto_a_full_disk(scanner: Scanner) -> None:
    job_id = scanner.ask()
    scanner.app.extensions["settings"] = replace(scanner.app.extensions["settings"], min_free_bytes=10**18)
    scanner.turn()
    job = scanner.job(job_id)
    assert job.state == "failed"
    assert "disk is nearly full" in job.reason
    assert scanner.kept() == []
