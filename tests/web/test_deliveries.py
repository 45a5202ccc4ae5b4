"""Large files in pieces: resumed wherever they stopped, refused early, never mixed up, gone when they are kept."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.services.slides import deliveries as service
from portal.services.slides import watch
from portal.services.slides.recognise import HEAD_BYTES
from portal.storage.incoming import Incoming
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Delivery, Image
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from tests.support import pictures
from tests.support.client import Client
from tests.support.slides import slide, work
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

GIGABYTE = 10**9


def begin(client: Client, case_id: int, data: bytes, **said: object) -> TestResponse:
    asked = {"name": "a.svs", "size": len(data), "model": "", "um_per_px": "", **said}
    return client.post_bytes(f"/cases/{case_id}/deliveries?{urlencode(asked)}", data[:HEAD_BYTES])


def send_rest(client: Client, data: bytes, known: dict[str, Any], piece: int = 300_000) -> dict[str, Any]:
    while known["received"] < len(data):
        part = data[known["received"]:known["received"] + piece]
        answer = client.post_bytes(f"{known['pieces']}?offset={known['received']}", part)
        assert answer.status_code == 200, answer.json
        known = answer.get_json()
    return known


def deliver(client: Client, case_id: int, data: bytes, **said: object) -> dict[str, Any]:
    return send_rest(client, data, begin(client, case_id, data, **said).get_json())


def incoming_files(app: Flask) -> list[Path]:
    return [path for path in app.extensions["settings"].incoming.rglob("*.*") if path.is_file()]


def image_of(app: Flask) -> Image:
    with app.app_context():
        image = db.session.scalar(select(Image))
        assert image is not None
        return image


def job_of(app: Flask) -> Job:
    with app.app_context():
        job = db.session.scalar(select(Job))
        assert job is not None
        return job


def test_a_slide_that_came_in_pieces_becomes_an_image(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)

    deliver(reader, case_id, data)
    work(app)

    image = image_of(app)
    assert (image.kind, image.width, image.height, image.name) == ("slide", 1500, 1100, "a.svs")
    assert image.um_per_px == pytest.approx(0.5, abs=1e-3)
    assert reader.get(f"/images/{image.id}/thumbnail").mimetype == "image/jpeg"
    with app.app_context():
        assert db.session.scalar(select(AuditEvent).where(AuditEvent.action == "image.keep"))


def test_what_was_sent_is_deleted_when_it_is_kept(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    deliver(reader, open_case(reader), slide())
    work(app)

    clear_away(app)

    assert incoming_files(app) == []
    with app.app_context():
        assert db.session.scalar(select(Delivery)) is None


def clear_away(app: Flask) -> None:
    """As a worker does a moment after the end of a job."""
    with app.app_context():
        db.session.execute(update(Job).where(Job.ended_at.is_not(None)).values(ended_at=now() - timedelta(minutes=1)))
        db.session.commit()
        watch.clear_away(Incoming(app.extensions["settings"].incoming))


def test_the_same_file_goes_on_from_where_it_stopped(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)
    first = begin(reader, case_id, data).get_json()
    reader.post_bytes(f"{first['pieces']}?offset={first['received']}", data[first["received"]:400_000])

    again = begin(reader, case_id, data)

    assert again.status_code == 200
    assert again.get_json()["received"] == 400_000
    send_rest(reader, data, again.get_json())
    work(app)
    assert image_of(app).width == 1500


def test_another_file_of_the_same_name_and_size_is_not_mixed_with_it(login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)
    first = begin(reader, case_id, data).get_json()

    other = begin(reader, case_id, data[:HEAD_BYTES - 1] + b"!" + data[HEAD_BYTES:])

    assert other.status_code == 201
    assert other.get_json()["delivery"] != first["delivery"]


def test_a_piece_at_a_wrong_place_is_told_the_right_one(login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    known = begin(reader, open_case(reader), data).get_json()

    for offset in (0, known["received"] + 1, -1):
        answer = reader.post_bytes(f"{known['pieces']}?offset={offset}", b"x" * 100)
        assert answer.status_code == 409
        assert answer.get_json()["received"] == known["received"]


def test_what_a_crash_left_unfinished_on_the_disk_is_not_counted(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)
    known = begin(reader, case_id, data).get_json()
    (path,) = incoming_files(app)
    with path.open("ab") as file:
        file.write(b"half a piece")

    send_rest(reader, data, known)
    work(app)

    assert image_of(app).kind == "slide"


def test_what_the_disk_lost_is_asked_for_again(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)
    known = begin(reader, case_id, data).get_json()
    (path,) = incoming_files(app)
    with path.open("r+b") as file:
        file.truncate(1000)

    answer = reader.post_bytes(f"{known['pieces']}?offset={known['received']}", b"x" * 100)

    assert answer.status_code == 409
    assert answer.get_json()["received"] == 1000
    send_rest(reader, data, {**known, "received": 1000})
    work(app)
    assert image_of(app).kind == "slide"


def test_pieces_sent_at_once_do_not_spoil_the_file(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    known = begin(reader, open_case(reader), data).get_json()
    start = known["received"]
    token = {"X-CSRFToken": reader.token(), "Accept": "application/json"}
    cookie = reader._client.get_cookie("secondread")
    assert cookie is not None

    def send(_: int) -> int:
        client = app.test_client()
        client.set_cookie("secondread", cookie.value)
        answer = client.post(f"{known['pieces']}?offset={start}", data=data[start:start + 100_000], headers=token)
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(send, range(6)))

    assert codes == [200, 409, 409, 409, 409, 409]
    (path,) = incoming_files(app)
    assert path.read_bytes() == data[:start + 100_000]


@pytest.mark.parametrize(("data", "words"), [
    (b"Dear colleague, " * 9000, b"not a slide"), (pictures.smear(1, "JPEG", quality=99), b"single picture"),
    (pictures.smear(), b"single picture")], ids=["text", "jpeg", "png"])
def test_what_is_no_slide_is_refused_by_its_beginning(
        app: Flask, login: Callable[..., Client], data: bytes, words: bytes) -> None:
    reader = login()
    answer = begin(reader, open_case(reader), data)

    assert answer.status_code == 415
    assert words in answer.data
    assert incoming_files(app) == []


def test_too_large_a_slide_is_refused_before_it_is_sent(login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    answer = begin(reader, open_case(reader), data, size=21 * GIGABYTE)

    assert answer.status_code == 413
    assert "20 GB" in answer.get_json()["reason"]


def test_a_full_disk_is_told_before_it_is_sent(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Incoming, "free_bytes", lambda _self: 3 * GIGABYTE)
    reader, data = login(), slide()

    answer = begin(reader, open_case(reader), data, size=GIGABYTE)

    assert answer.status_code == 507
    assert "3.5 GB are needed" in answer.get_json()["reason"]


def test_what_others_still_send_is_counted_as_taken(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Incoming, "free_bytes", lambda _self: 4 * GIGABYTE)
    reader, data = login(), slide()
    case_id = open_case(reader)

    first = begin(reader, case_id, data, size=GIGABYTE)
    second = begin(reader, case_id, data, size=GIGABYTE, name="b.svs")

    assert (first.status_code, second.status_code) == (201, 507)


def test_more_than_was_promised_is_refused(login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    known = begin(reader, open_case(reader), data).get_json()

    answer = reader.post_bytes(f"{known['pieces']}?offset={known['received']}", data)

    assert answer.status_code == 422


def test_a_delivery_is_its_senders_alone(login: Callable[..., Client]) -> None:
    reader, other, data = login(), login("other@clinic.example"), slide()
    known = begin(reader, open_case(reader), data).get_json()

    assert other.post_bytes(f"{known['pieces']}?offset={known['received']}", b"x").status_code == 404
    assert other.post(f"/deliveries/{known['delivery']}/drop").status_code == 404
    assert begin(other, 1, data).status_code == 404


def test_an_unfinished_one_is_listed_and_can_be_dropped(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)
    known = begin(reader, case_id, data).get_json()
    assert "are here" in reader.get(f"/cases/{case_id}").text

    reader.post(f"/deliveries/{known['delivery']}/drop")

    assert "are here" not in reader.get(f"/cases/{case_id}").text
    assert incoming_files(app) == []


def test_unfinished_ones_are_swept_after_two_days(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    begin(reader, open_case(reader), data)
    clear_away(app)
    assert len(incoming_files(app)) == 1

    with app.app_context():
        db.session.execute(update(Delivery).values(seen_at=now() - timedelta(hours=49)))
        db.session.commit()
    clear_away(app)

    assert incoming_files(app) == []


def test_a_broken_slide_ends_with_a_reason_and_leaves_nothing(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    deliver(reader, open_case(reader), slide()[:100_000])

    work(app)
    clear_away(app)

    job = job_of(app)
    assert job.state == "failed"
    assert job.reason.endswith("Please copy or export it again.")
    assert incoming_files(app) == []
    assert list(app.extensions["settings"].files.rglob("*.tif")) == []


def test_the_same_bytes_again_are_the_existing_record(app: Flask, login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)
    deliver(reader, case_id, data)
    work(app)
    deliver(reader, case_id, data, name="copy.svs")

    work(app)

    with app.app_context():
        assert len(db.session.scalars(select(Image)).all()) == 1
        last = db.session.scalars(select(Job).order_by(Job.id.desc())).first()
        assert last is not None
        assert last.result == {"image": 1, "existing": True, "reading": None}


def test_what_was_asked_for_is_read_next(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    deliver(reader, open_case(reader), slide(), model="pcam")

    work(app, turns=1)

    with app.app_context():
        reading = db.session.scalar(select(Job).where(Job.kind == "slide-reading"))
        assert reading is not None
        assert reading.params == {"image": 1, "model": "pcam", "version": "1"}


@pytest.mark.parametrize("said", [{"model": "leukemia"}, {"model": ""}], ids=["fields only", "nothing"])
def test_what_cannot_read_slides_is_not_asked(
        app: Flask, login: Callable[..., Client], said: dict[str, str]) -> None:
    reader = login()
    deliver(reader, open_case(reader), slide(), **said)

    work(app)

    with app.app_context():
        assert db.session.scalar(select(Job).where(Job.kind == "slide-reading")) is None


def test_a_slide_of_unknown_scale_is_kept_and_not_read(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    deliver(reader, open_case(reader), slide(um_per_px=None), model="pcam")

    work(app)

    assert image_of(app).um_per_px is None
    with app.app_context():
        assert db.session.scalar(select(Job).where(Job.kind == "slide-reading")) is None


def test_what_was_stated_counts_before_what_the_file_says(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    deliver(reader, open_case(reader), slide(), um_per_px="0.25")

    work(app)

    assert image_of(app).um_per_px == 0.25


def test_an_absurd_pixel_size_is_refused_before_anything_is_sent(login: Callable[..., Client]) -> None:
    reader, data = login(), slide()
    case_id = open_case(reader)

    for absurd in ("0.001", "40", "nonsense"):
        assert begin(reader, case_id, data, um_per_px=absurd).status_code == 422


def test_a_slide_through_the_form_for_images_is_taken_in_too(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    case_id = open_case(reader)

    verdict = only(upload(reader, case_id, ("b.tif", slide(1000, 900)), model="pcam"))
    work(app, turns=1)

    assert verdict["outcome"] == "arrived"
    assert image_of(app).kind == "slide"


def test_a_small_tiff_of_one_field_is_still_an_image(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    only(upload(reader, open_case(reader), ("b.tif", pictures.smear(1, "TIFF"))))

    assert image_of(app).kind == "image"


def test_a_job_that_is_stopped_leaves_nothing(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    known = deliver(reader, open_case(reader), slide())

    reader.post(f"/deliveries/{known['delivery']}/drop")
    work(app)
    clear_away(app)

    assert job_of(app).state == "cancelled"
    assert incoming_files(app) == []
    with app.app_context():
        assert db.session.scalar(select(Image)) is None


def test_not_more_are_begun_than_somebody_can_finish(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_UNFINISHED", 2)
    reader, data = login(), slide()
    case_id = open_case(reader)

    codes = [begin(reader, case_id, data, name=f"{number}.svs").status_code for number in range(3)]

    assert codes == [201, 201, 409]


def test_the_form_says_the_limit_for_slides(app: Flask, login: Callable[..., Client]) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], max_slide_bytes=7 * GIGABYTE)
    reader = login()

    assert "up to 7 GB each" in reader.get(f"/cases/{open_case(reader)}").text


def test_a_real_slide_of_a_scanner_is_taken_in(app: Flask, login: Callable[..., Client], datasets: Path) -> None:
    reader = login()
    data = (datasets / "wsi" / "cmu-1-small-region.svs").read_bytes()
    deliver(reader, open_case(reader), data, name="CMU-1-Small-Region.svs")

    work(app)

    image = image_of(app)
    assert (image.width, image.height, image.format) == (2220, 2967, "aperio")
    assert image.um_per_px == pytest.approx(0.499, abs=1e-3)
