"""A patient's name in a file's metadata, or on a slide's label, is found nowhere in what is stored, served or logged.

What a file is *called* is another thing: its readers see it, for they find their image by it. It stands in no log, in
no path and in no name of an export (decision 29).
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from config import Settings
from portal.extensions import db
from portal.services import audit
from portal.services.jobs.kinds import folder_import
from portal.services.jobs.queue import submit
from portal.services.slides import watch
from portal.storage.incoming import Incoming
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction
from tests.conftest import make_settings
from tests.support import databases, planted
from tests.support.client import Client
from tests.support.programs import Program, make_token
from tests.support.slides import work
from tests.web.test_cases import open_case
from tests.web.test_deliveries import deliver
from tests.web.test_images import upload

CALLED = "Bartholomea-Oxenstierna"
"""A name in the name of files."""
SOUGHT, CALLED_SOUGHT = planted.spellings(planted.NAME), planted.spellings(CALLED)
STATIC = ("static", "bootstrap.static")


@pytest.fixture
def database_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A database in one file, all of whose bytes can be looked through."""
    (tmp_path / "portal").mkdir()
    return databases.copy_sqlite(sqlite_template, tmp_path / "portal" / "test.sqlite3")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    (tmp_path / "import").mkdir()
    return make_settings(tmp_path / "portal", database_url, import_folder=tmp_path / "import")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def reader(app: Flask, login: Callable[..., Client], temporary: Path, tmp_path: Path,
           monkeypatch: pytest.MonkeyPatch) -> Client:
    """An administrator, who sees most, whose case holds what came in every way there is."""
    reader = login(role="admin")
    case_id = open_case(reader)
    files = planted.images()
    for kind, data in files.items():
        name = f"{CALLED}.{kind}" if kind == "jpg" else f"sent.{kind}"
        answer = upload(reader, case_id, (name, data), um_per_px="0.25")
        assert answer.status_code == 201, answer.text
    plate = tmp_path / "import" / f"case-{case_id}" / "plate"
    plate.mkdir(parents=True)
    (plate / "smear.png").write_bytes(files["png"] + b"another copy")
    (plate / "letter.png").write_bytes(b"Dear " + planted.NAME.encode())
    with app.app_context():
        order = folder_import.order(app.extensions["settings"], case_id, "plate", "leukemia", 0.25)
        submit(app.extensions["carrier"], audit.Actor(user_id=1), order)
    deliver(reader, case_id, planted.slide(tmp_path), name=f"{CALLED}.svs")
    work(app)
    _cut_review_and_sign(app, reader, case_id)
    monkeypatch.setattr(watch, "GRACE", timedelta(seconds=-60))
    with app.app_context():
        watch.clear_away(Incoming(app.extensions["settings"].incoming))
        assert {job.state for job in db.session.scalars(select(Job))} == {"done"}
    for copied in ("import", "planted.svs"):
        path = tmp_path / copied  # the clinic's own copies; the portal does not change them
        assert path.exists()
    return reader


def _cut_review_and_sign(app: Flask, reader: Client, case_id: int) -> None:
    with app.app_context():
        slide = db.session.scalars(select(Image.id).where(Image.kind == "slide")).one()
    drawn = reader.post_json(f"/images/{slide}/annotations",
                             {"shape": "box", "points": [[50, 200], [450, 600]], "text": "here"})
    assert drawn.status_code == 201, drawn.text
    assert reader.post(f"/images/{slide}/cut", {"mark": drawn.get_json()["mark"], "model": "leukemia"}
                       ).status_code == 303
    for path in (f"/cases/{case_id}/report", "/cases/export", "/training-sets/leukemia"):
        assert reader.post(path, {"form": "csv", "reviews": "latest"}).status_code in (302, 303), path
    work(app)
    with app.app_context():
        read = db.session.scalars(select(Prediction.id).where(Prediction.label.is_not(None))).all()
    for number in read:
        assert reader.post(f"/predictions/{number}/review", {"verdict": "agree"}).status_code == 303
    work(app)


def answers(app: Flask, reader: Client) -> Iterator[tuple[str, TestResponse]]:
    """What every address that is read answers, for every object there is."""
    program = Program(app, make_token(app, 1))
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in STATIC:
            for url in addresses(app, rule):
                if rule.endpoint.startswith("api."):
                    yield url, program.get(url.removeprefix("/api/v1"))
                else:
                    yield url, reader.get(url)


def addresses(app: Flask, rule: Rule) -> list[str]:
    with app.app_context():
        images = db.session.scalars(select(Image.id)).all()
        predictions = db.session.scalars(select(Prediction.id)).all()
        jobs = db.session.scalars(select(Job.id)).all()
    ids = {"case_id": [1], "image_id": images, "prediction_id": predictions, "job_id": jobs}
    others = {"key": "leukemia", "version": "1", "name": "heatmap", "number": 1, "level": 0, "column": 1, "row": 1,
              "user_id": 1, "session_id": 1, "token_id": 1, "deletion_id": 1, "notice_id": 1, "mark": "x"}
    several = next((name for name in ids if name in rule.arguments), None)
    for_one = {name: value for name, value in others.items() if name in rule.arguments}
    values = [{several: one, **for_one} for one in ids[several]] if several else [for_one]
    return [rule.build(one)[1] for one in values]  # type: ignore[index]


def everything(app: Flask) -> Iterator[tuple[Path, bytes]]:
    """Every file of the instance: database, pictures, incoming, cache, messages, workshops."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    root = app.extensions["settings"].instance
    return ((path, path.read_bytes()) for path in root.rglob("*") if path.is_file())


def test_the_search_finds_a_name_in_the_files_as_they_were_sent(tmp_path: Path) -> None:
    """Else the other tests would find nothing, whatever is there."""
    for kind, data in {**planted.images(), "svs": planted.slide(tmp_path)}.items():
        assert planted.is_in(data, SOUGHT), kind
        unnamed = data.replace(planted.NAME.encode(), b"")
        assert kind in ("bmp", "svs") or planted.is_in(unnamed, SOUGHT) or unnamed == data, kind


def test_a_planted_name_is_nowhere(app: Flask, reader: Client, temporary: Path,
                                   capfd: pytest.CaptureFixture[str]) -> None:
    stored = list(everything(app))
    assert len([path for path, _ in stored if path.suffix in (".png", ".jpg", ".webp", ".tif")]) >= 7
    assert not [str(path) for path, data in stored if planted.is_in(data, SOUGHT)]
    served = [(url, answer.status_code, answer.data) for url, answer in answers(app, reader)]
    assert len([1 for _, status, _ in served if status == 200]) > 60
    assert not [(url, status) for url, status, _ in served if status >= 500]
    assert not [url for url, _, data in served if planted.is_in(data, SOUGHT)]
    logged = "".join(capfd.readouterr()).encode()
    assert not planted.is_in(logged, SOUGHT)
    assert not planted.is_in(logged, CALLED_SOUGHT)
    assert not [*temporary.rglob("*")]


def test_a_slides_label_and_macro_are_shown_nowhere(app: Flask, reader: Client) -> None:
    pixels = 0
    for url, answer in answers(app, reader):
        if answer.mimetype.startswith("image/") and answer.status_code == 200 and "/models/" not in url:
            shown = PillowImage.open(io.BytesIO(answer.data)).convert("RGBA").convert("RGB")
            close = np.abs(np.asarray(shown, np.int16) - planted.MAGENTA).max(axis=2) < 40
            assert not close.any(), url
            pixels += close.size
    assert pixels > 1_000_000


def test_what_a_file_is_called_is_for_its_readers_only(app: Flask, reader: Client,
                                                       login: Callable[..., Client]) -> None:
    assert CALLED in reader.get("/cases/1").text
    root = app.extensions["settings"].instance
    assert not [path for path, _ in everything(app) if planted.is_in(str(path.relative_to(root)).encode(), SOUGHT |
                                                                     CALLED_SOUGHT)]
    for url, answer in answers(app, reader):
        assert not planted.is_in(str(answer.headers).encode(), CALLED_SOUGHT), url
    for stranger in (login("stranger@clinic.example"), login("other-admin@clinic.example", "admin")):
        assert not [url for url, answer in answers(app, stranger) if not url.startswith("/api/") and
                    planted.is_in(answer.data, CALLED_SOUGHT)]
