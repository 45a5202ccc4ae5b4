"""Uploads: kept, read, told apart, and harmless when bad."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from flask import Flask
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from config import Settings
from models.engine import Engine
from models.imaging.limits import Limits
from models.spec import unserved_spec
from portal.app import create_app
from portal.extensions import db
from portal.services import audit, cases, uploads
from portal.storage.files import FileStore
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction, WorkItem
from tests.conftest import PASSWORD
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case

JSON = {"Accept": "application/json"}


def upload(client: Client, case_id: int, *files: tuple[str, bytes], as_json: bool = True,
           model: str = "leukemia", **fields: str) -> TestResponse:
    sent = [FileStorage(io.BytesIO(data), filename=name) for name, data in files]
    return client.post(f"/cases/{case_id}/images", {"model": model, "images": sent, **fields},
                       headers=JSON if as_json else {}, content_type="multipart/form-data")


def only(answer: TestResponse) -> dict[str, Any]:
    files = answer.get_json()["files"]
    assert len(files) == 1
    return dict(files[0])


def rows(app: Flask, table: type[Any]) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def kept_files(app: Flask) -> list[Path]:
    return [path for path in app.extensions["settings"].files.rglob("*") if path.is_file()]


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def case_id(reader: Client) -> int:
    return open_case(reader)


def test_a_smear_is_scored_and_found_again(reader: Client, case_id: int) -> None:
    answer = upload(reader, case_id, ("secondread-drawn-smear.png", pictures.smear()))
    assert answer.status_code == 201
    verdict = only(answer)
    assert verdict["outcome"] == "scored"
    assert verdict["label"] in verdict["scores"]
    assert sum(verdict["scores"].values()) == pytest.approx(1, abs=1e-3)
    page = reader.get(verdict["url"]).text
    assert verdict["label"] in page
    assert "not a diagnosis" in page
    assert "secondread-drawn-smear.png" in reader.get("/").text
    assert verdict["label"] in reader.get("/cases?outcome=scored").text


def test_a_drawn_smear_is_never_mistaken_for_a_patients(reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, ("secondread-drawn-smear.png", pictures.smear())))
    assert "Drawn sample" in reader.get(verdict["url"]).text
    verdict = only(upload(reader, case_id, ("smear.png", pictures.smear(seed=2))))
    assert "Drawn sample" not in reader.get(verdict["url"]).text


def test_an_image_out_of_the_models_domain_is_kept_without_a_class(reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, ("blank.png", pictures.blank())))
    assert verdict["outcome"] == "refused"
    assert verdict["label"] is None
    assert verdict["scores"] == {}
    page = reader.get(verdict["url"]).text
    assert verdict["reason"] in page.replace("&#39;", "'")
    assert reader.get(f"/predictions/{verdict['prediction']}/heatmap.png").status_code == 404
    assert reader.get(f"/images/{verdict['image']}/file").status_code == 200


@pytest.mark.parametrize(("name", "data", "status"), [
    ("notes.jpg", b"just some text\n" * 40, 415),
    ("empty.png", b"", 415),
    ("huge.png", pictures.huge_png(), 413),
    ("heavy.png", b"\x89PNG\r\n\x1a\n" + b"\0" * (4 * 2**20 + 1), 413),
    ("cut.jpg", pictures.smear(kind="JPEG")[:9000], 422),
])
def test_what_cannot_be_read_is_refused_with_a_plain_reason(
        app: Flask, reader: Client, case_id: int, name: str, data: bytes, status: int) -> None:
    answer = upload(reader, case_id, (name, data))
    verdict = only(answer)
    assert answer.status_code == status
    assert verdict["outcome"] == "error"
    assert verdict["reason"].endswith(".")
    assert "Traceback" not in answer.text
    assert rows(app, Image) == 0
    assert kept_files(app) == []


def test_each_file_of_several_gets_its_own_verdict(reader: Client, case_id: int) -> None:
    answer = upload(reader, case_id, ("a.png", pictures.smear()), ("b.jpg", b"text"), ("c.png", pictures.blank()))
    assert answer.status_code == 200
    assert [one["outcome"] for one in answer.get_json()["files"]] == ["scored", "error", "refused"]


def test_without_javascript_the_case_page_says_what_became_of_each(reader: Client, case_id: int) -> None:
    answer = upload(reader, case_id, ("good.png", pictures.smear()), ("bad.jpg", b"text"), as_json=False)
    assert (answer.status_code, answer.location) == (303, f"/cases/{case_id}")
    page = reader.get(answer.location).text
    assert "bad.jpg" in page
    assert "good.png" in page


def test_the_same_bytes_in_the_same_case_are_the_existing_record(app: Flask, reader: Client, case_id: int) -> None:
    first = only(upload(reader, case_id, ("one.png", pictures.smear())))
    answer = upload(reader, case_id, ("other-name.png", pictures.smear()))
    assert answer.status_code == 200
    assert only(answer)["existing"]
    assert only(answer)["prediction"] == first["prediction"]
    assert (rows(app, Image), rows(app, Prediction), len(kept_files(app))) == (1, 1, 1)


def test_the_same_name_with_other_bytes_is_another_image(app: Flask, reader: Client, case_id: int) -> None:
    upload(reader, case_id, ("one.png", pictures.smear(seed=1)))
    upload(reader, case_id, ("one.png", pictures.smear(seed=2)))
    assert rows(app, Image) == 2


def test_the_same_bytes_in_another_case_are_another_image(app: Flask, reader: Client, case_id: int) -> None:
    upload(reader, case_id, ("one.png", pictures.smear()))
    upload(reader, open_case(reader, patient="P-2"), ("one.png", pictures.smear()))
    assert rows(app, Image) == 2


def test_two_at_once_make_one_record(app: Flask, reader: Client, case_id: int) -> None:
    desk = uploads.Desk(engine=app.extensions["engine"], store=app.extensions["files"],
                        writer=app.extensions["writer"],
                        limits=Limits(max_bytes=2**22, max_pixels=10**7))
    data = pictures.smear()

    def send(_: int) -> int | None:
        with app.app_context():
            return uploads.receive_image(desk, audit.Actor(), case_id, "leukemia", "one.png", data).prediction

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(send, range(4)))
    assert len(ids) == 1
    assert (rows(app, Image), rows(app, Prediction), len(kept_files(app))) == (1, 1, 1)


def test_two_processes_that_get_the_same_bytes_at_once_both_name_the_one_record(
        app: Flask, settings: Settings, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two portals on one database share no lock: only the tables can keep the second record away."""
    first = login()
    case_id = open_case(first)
    twin = create_app(settings)
    twin.testing = True
    second = Client(twin)
    assert second.post("/login", {"email": "reader@clinic.example", "password": PASSWORD}).status_code == 303
    together, read = Barrier(2), Engine.read

    def read_together(*arguments: Any) -> Any:
        together.wait(timeout=30)
        return read(*arguments)

    monkeypatch.setattr(Engine, "read", read_together)
    data = pictures.smear()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda client: upload(client, case_id, ("one.png", data)), (first, second)))
    verdicts = [only(answer) for answer in answers]
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len({(one["image"], one["prediction"], one["url"]) for one in verdicts}) == 1
    assert (rows(app, Image), rows(app, Prediction), rows(app, WorkItem), len(kept_files(app))) == (1, 1, 1, 1)
    with twin.app_context():
        db.engine.dispose()


def test_an_unread_image_sent_twice_at_once_is_read_once(
        app: Flask, reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures.smear()
    with monkeypatch.context() as broken:
        broken.delattr(Engine, "read")
        upload(reader, case_id, ("one.png", data))
    engine = app.extensions["engine"]
    desk = uploads.Desk(engine=engine, store=app.extensions["files"],
                        writer=app.extensions["writer"], limits=Limits(max_bytes=2**22, max_pixels=10**7))
    read, together = engine.read, Barrier(2)

    def read_together(*arguments: Any) -> Any:
        together.wait(timeout=30)
        return read(*arguments)

    monkeypatch.setattr(engine, "read", read_together)

    def send(_: int) -> int | None:
        with app.app_context():
            return uploads.receive_image(desk, audit.Actor(), case_id, "leukemia", "one.png", data).prediction

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(send, range(2))
    assert first == second is not None
    assert (rows(app, Image), rows(app, Prediction), len(kept_files(app))) == (1, 1, 1)


def test_a_model_that_fails_costs_the_answer_but_not_the_image(
        app: Flask, reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    with monkeypatch.context() as broken:
        broken.setattr(Engine, "read", fail)
        answer = upload(reader, case_id, ("one.png", pictures.smear()))
    assert answer.status_code == 503
    assert "secret detail" not in answer.text
    assert (rows(app, Image), rows(app, Prediction)) == (1, 0)
    assert reader.get(f"/cases/{case_id}").status_code == 200
    assert only(upload(reader, case_id, ("one.png", pictures.smear())))["outcome"] == "scored"
    assert (rows(app, Image), rows(app, Prediction)) == (1, 1)


def test_the_file_is_on_disk_before_its_row_is_committed(
        app: Flask, reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    commit = db.session.commit

    def watch() -> None:
        if any(isinstance(one, AuditEvent) and one.action == "image.read" for one in db.session.new):
            seen.append(len(kept_files(app)))
        commit()

    monkeypatch.setattr(db.session, "commit", watch)
    upload(reader, case_id, ("one.png", pictures.smear()))
    assert seen == [1]


def test_a_crash_before_the_commit_leaves_no_row_and_a_file_for_the_sweeper(
        app: Flask, reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(uploads, "_commit", fail)
    assert upload(reader, case_id, ("one.png", pictures.smear())).status_code == 500
    assert rows(app, Image) == 0
    with app.app_context():
        assert app.extensions["files"].sweep(set(), older_than=-1) == 1


def test_metadata_is_neither_stored_nor_served_and_pixels_stay(
        app: Flask, reader: Client, case_id: int) -> None:
    planted = b"Erika Mustermann"
    info = PngInfo()
    info.add_text("Patient", planted.decode())
    picture = PillowImage.open(io.BytesIO(pictures.smear()))
    exif = PillowImage.Exif()
    exif[270] = planted.decode()
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=info, exif=exif)
    verdict = only(upload(reader, case_id, ("planted.png", buffer.getvalue())))
    served = reader.get(f"/images/{verdict['image']}/file")
    assert planted not in served.data
    assert all(planted not in path.read_bytes() for path in kept_files(app))
    assert PillowImage.open(io.BytesIO(served.data)).tobytes() == picture.tobytes()


def test_names_that_try_to_leave_their_folder_stay_names(app: Flask, reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, ("../../etc/passwd.png", pictures.smear())))
    assert verdict["outcome"] == "scored"
    assert [re.fullmatch(r"[0-9a-f]{32}\.png", path.name) is not None for path in kept_files(app)] == [True]
    assert reader.get(verdict["url"]).status_code == 200


def test_a_picture_that_grew_over_the_limit_when_it_was_kept_has_a_thumbnail(reader: Client, case_id: int) -> None:
    """A rotated JPEG is kept as an upright PNG, which is many times its size."""
    noise = np.random.default_rng(1).integers(0, 256, (1500, 2000, 3), np.uint8)
    exif = PillowImage.Exif()
    exif[274] = 6
    rotated = pictures.encode(noise, "JPEG", quality=75, exif=exif)
    assert len(rotated) < 4_000_000
    verdict = only(upload(reader, case_id, ("rotated.jpg", rotated)))
    assert len(reader.get(f"/images/{verdict['image']}/file").data) > 4_000_000
    assert reader.get(f"/images/{verdict['image']}/thumbnail").status_code == 200


def test_a_patients_picture_is_asked_for_again_each_time(reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, ("one.png", pictures.smear())))
    for url in (f"/images/{verdict['image']}/file", f"/images/{verdict['image']}/thumbnail",
                f"/predictions/{verdict['prediction']}/heatmap.png"):
        answer = reader.get(url)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        again = reader.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


def test_a_thumbnail_that_the_browser_holds_is_not_drawn_again(
        reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch, login: Callable[..., Client]) -> None:
    url = f"/images/{only(upload(reader, case_id, ('one.png', pictures.smear())))['image']}/thumbnail"
    held = {"If-None-Match": reader.get(url).headers["ETag"]}

    def fail(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(cases, "draw_thumbnail", fail)
    assert reader.get(url, headers=held).status_code == 304
    assert login("other@clinic.example").get(url, headers=held).status_code == 404


def test_a_full_disk_costs_the_file_that_did_not_fit_and_leaves_no_row(
        app: Flask, reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileStore, "put", fail)
    answer = upload(reader, case_id, ("one.png", pictures.smear()), ("text.jpg", b"text"))
    assert [one["code"] for one in answer.get_json()["files"]] == ["not-stored", "not-an-image"]
    assert rows(app, Image) == 0


def test_an_image_that_no_model_read_is_not_called_reviewed(
        reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(Engine, "read", fail)
        upload(reader, case_id, ("one.png", pictures.smear()))
    page = reader.get("/cases").text
    assert "1 not read" in page
    assert "Reviewed" not in page


def test_answers_of_a_version_that_is_gone_stay(
        reader: Client, case_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = only(upload(reader, case_id, ("one.png", pictures.smear())))
    monkeypatch.setattr(Engine, "recorded_spec", lambda _, key, version: unserved_spec(key, version))
    page = reader.get(verdict["url"])
    assert page.status_code == 200
    assert verdict["label"] in page.text
    assert "no longer serves" in page.text
    assert reader.get(f"/cases/{case_id}").status_code == 200


def test_somebody_elses_image_and_result_do_not_exist(
        reader: Client, case_id: int, login: Callable[..., Client]) -> None:
    verdict = only(upload(reader, case_id, ("one.png", pictures.smear())))
    other = login("other@clinic.example")
    for url in (f"/images/{verdict['image']}/file", f"/images/{verdict['image']}/thumbnail",
                f"/predictions/{verdict['prediction']}", f"/predictions/{verdict['prediction']}/heatmap.png"):
        assert reader.get(url).status_code == 200
        assert other.get(url).status_code == 404
    review = {"verdict": "cannot-judge"}
    assert other.post(f"/predictions/{verdict['prediction']}/review", review).status_code == 404


@pytest.mark.parametrize(("data", "words"), [
    ({"model": "leukemia"}, "at least one image"),
    ({"model": "astrology", "images": FileStorage(io.BytesIO(b"x"), filename="x.png")}, "one of the models"),
    ({"model": "leukemia-xception-bigru", "images": FileStorage(io.BytesIO(b"x"), filename="x.png")}, "not installed"),
])
def test_a_request_that_lacks_something_says_so(
        reader: Client, case_id: int, data: dict[str, Any], words: str) -> None:
    answer = reader.post(f"/cases/{case_id}/images", data, headers=JSON, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert words in answer.get_json()["reason"]


def test_a_request_over_the_limit_is_refused_as_a_whole(reader: Client, case_id: int) -> None:
    answer = upload(reader, case_id, ("heavy.png", b"\0" * (17 * 2**20 + 2)))
    assert answer.status_code == 413
    assert "larger than" in answer.get_json()["reason"]


def test_an_upload_whose_token_is_too_old_keeps_what_was_chosen(reader: Client, case_id: int) -> None:
    answer = reader.post_without_token(f"/cases/{case_id}/images", {"model": "pcam", "um_per_px": "0.97"})
    assert answer.status_code == 400
    assert "open too long" in answer.text
    assert 'value="0.97"' in answer.text
    assert reader.get(f"/cases/{case_id}/images").status_code == 200
