"""Images in the import folder are taken into their case by a job, each file with a verdict."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from config import SettingError, Settings, load_settings
from models.imaging.limits import Limits
from portal.extensions import db
from portal.services.jobs import registry, run
from portal.services.uploads import Desk
from portal.storage import import_folder
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.jobs import Job
from tests.conftest import make_settings
from tests.support import pictures
from tests.support.client import Client
from tests.support.rights import bound_by_modes
from tests.web.test_cases import open_case

ASKED = {"folder": "plate", "system": "leukemia"}


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """With an import folder in which a plate lies for case 1: two smears, one twice, a letter, and what is left."""
    plate = tmp_path / "import" / "case-1" / "plate"
    plate.mkdir(parents=True)
    (plate / "a.png").write_bytes(pictures.smear(1))
    (plate / "b.png").write_bytes(pictures.smear(2))
    (plate / "c.png").write_bytes(pictures.smear(1))
    (plate / "letter.png").write_bytes(b"Dear colleague")
    (plate / ".hidden.png").write_bytes(pictures.smear(3))
    (plate / "slide.svs").write_bytes(b"II")
    (plate / "link.png").symlink_to("/etc/hostname")
    Path(os.fsdecode(os.fsencode(plate) + b"/Pr\xe4parat.png")).write_bytes(pictures.smear(4))
    (tmp_path / "import" / "case-2").mkdir()
    (tmp_path / "import" / "case-2" / "link").symlink_to(plate)
    return make_settings(tmp_path, database_url, import_folder=tmp_path / "import")


@pytest.fixture
def turn(app: Flask) -> Callable[[], bool]:
    parts = app.extensions
    desk = Desk(engine=parts["engine"], store=parts["files"], writer=parts["writer"],
                limits=Limits(max_bytes=4_000_000, max_pixels=20_000_000))

    def do() -> bool:
        with app.app_context():
            return run.run_next(registry.KINDS, desk, parts["settings"], parts["carrier"], "w")

    return do


def count_images(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Image)) or 0


def test_a_folder_is_taken_in_with_a_verdict_for_each_file(
        app: Flask, login: Callable[..., Client], turn: Callable[[], bool]) -> None:
    reader = login()
    case_id = open_case(reader)
    assert "plate (4 images)" in reader.get(f"/cases/{case_id}").text
    job = reader.post(f"/cases/{case_id}/folder-images", ASKED).location
    turn()
    told = reader.get(job, headers={"Accept": "application/json"}).get_json()
    assert (told["state"], told["done"], told["total"]) == ("done", 4, 4)
    files = told["result"]["files"]
    assert [(one["file"], one["outcome"]) for one in files] == [
        ("a.png", "read"), ("b.png", "read"), ("c.png", "read"), ("letter.png", "error")]
    assert files[0]["image"] == files[2]["image"], "the same bytes are the same image"
    assert "not a picture" in files[3]["reason"]
    assert count_images(app) == 2
    page = reader.get(job).text
    assert all(name in page for name in ("a.png", "letter.png"))


def test_a_jobs_page_says_nothing_of_what_a_model_said(
        app: Flask, login: Callable[..., Client], turn: Callable[[], bool]) -> None:
    reader = login()
    case_id = open_case(reader)
    with app.app_context():
        db.session.execute(update(Case).values(blind=True))
        db.session.commit()
    job = reader.post(f"/cases/{case_id}/folder-images", ASKED).location
    turn()
    with app.app_context():
        kept = str(db.session.scalar(select(Job.result)))
    for text in (reader.get(job).text, kept):
        assert not re.search("Benign|Early|Pre|Pro\\b|scored|refused", text.partition("<main")[2] or kept)


def test_only_the_folders_of_the_case_are_offered(
        login: Callable[..., Client]) -> None:
    reader = login()
    open_case(reader)
    second = open_case(reader)
    assert "From the import folder" not in reader.get(f"/cases/{second}").text
    for folder in ("plate", "../case-1/plate", "link", ".", ""):
        assert reader.post(f"/cases/{second}/folder-images", {**ASKED, "folder": folder}).status_code == 400


def test_a_stranger_takes_nothing_in(login: Callable[..., Client]) -> None:
    open_case(login())
    assert login("other@clinic.example").post("/cases/1/folder-images", ASKED).status_code == 404


def test_a_file_that_is_gone_does_not_keep_the_others(
        app: Flask, login: Callable[..., Client], turn: Callable[[], bool]) -> None:
    reader = login()
    open_case(reader)
    job = reader.post("/cases/1/folder-images", ASKED).location
    (app.extensions["settings"].import_folder / "case-1" / "plate" / "a.png").unlink()
    turn()
    files = reader.get(job, headers={"Accept": "application/json"}).get_json()["result"]["files"]
    assert [one["outcome"] for one in files] == ["error", "read", "read", "error"]
    assert "gone" in files[0]["reason"]


def test_a_full_disk_takes_nothing_more_in(
        app: Flask, login: Callable[..., Client], turn: Callable[[], bool], settings: Settings) -> None:
    reader = login()
    open_case(reader)
    job = reader.post("/cases/1/folder-images", ASKED).location
    app.extensions["settings"] = replace(settings, min_free_bytes=10**18)
    turn()
    assert "disk is nearly full" in reader.get(job).text
    assert count_images(app) == 0


def test_who_lost_the_case_gets_nothing_more_into_it(
        app: Flask, login: Callable[..., Client], turn: Callable[[], bool]) -> None:
    reader, colleague = login(), login("colleague@clinic.example")
    open_case(reader)
    reader.post("/cases/1/readers", {"reader": "2"})
    job = colleague.post("/cases/1/folder-images", ASKED).location
    reader.post("/cases/1/readers/2/end")
    turn()
    assert "not yours to read any more" in colleague.get(job).text
    assert count_images(app) == 0


def test_nothing_outside_the_folder_is_read(settings: Settings) -> None:
    root = settings.import_folder
    assert root is not None
    for folder, name in (("plate", "link.png"), ("plate", "../plate/a.png"), ("..", "a.png"), ("plate", ".hidden.png")):
        with pytest.raises(FileNotFoundError):
            import_folder.read_image(root, 1, folder, name, 10)
    assert import_folder.list_folders(root, 2) == []


def test_a_folder_that_may_not_be_read_is_offered_to_nobody(settings: Settings) -> None:
    root = settings.import_folder
    assert root is not None
    plate = root / "case-1" / "plate"
    plate.chmod(0o000)
    with bound_by_modes():
        assert import_folder.list_folders(root, 1) == []
    plate.chmod(0o700)
    assert import_folder.list_folders(root, 1) == [("plate", 4)]


def test_an_import_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="PORTAL_IMPORT_FOLDER"):
        load_settings({"PORTAL_INSTANCE": str(tmp_path), "PORTAL_IMPORT_FOLDER": str(tmp_path / "nothing")})


def test_a_form_that_was_open_too_long_comes_back_with_what_was_typed(login: Callable[..., Client]) -> None:
    reader = login()
    case_id = open_case(reader)
    typed = {"folder": "plate", "system": "pcam", "pixel": "0.97", "csrf_token": "stale"}
    answer = reader.post_without_token(f"/cases/{case_id}/folder-images", typed)
    assert (answer.status_code, "open too long" in answer.text) == (400, True)
    assert 'value="0.97"' in answer.text
    assert re.search(r'<option selected value="pcam">', answer.text)


def test_names_that_may_be_a_patients_are_asked_about_once(
        app: Flask, login: Callable[..., Client], settings: Settings) -> None:
    reader = login()
    case_id = open_case(reader)
    assert settings.import_folder is not None
    folder = settings.import_folder / f"case-{case_id}" / "Anna Zebra"
    folder.mkdir(parents=True)
    for name in ("a.png", "Zebra, Anna 07.03.1951.png"):
        (folder / name).write_bytes(pictures.smear(1))
    wanted = {**ASKED, "folder": folder.name}
    asked = reader.post(f"/cases/{case_id}/folder-images", wanted)
    assert (asked.status_code, "2 of the names" in asked.text) == (422, True)
    assert reader.post(f"/cases/{case_id}/folder-images", {**wanted, "sure": folder.name}).status_code == 303
    assert reader.post(f"/cases/{case_id}/folder-images", ASKED).status_code == 303, "a plate is asked about by nobody"
