"""Reports: previewed, signed, locked, amended; and shown to nobody who may not see what they tell."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from werkzeug.test import TestResponse

from models.engine import Engine
from models.spec import Layer, Reading
from portal.extensions import db
from portal.services.reports import signing
from portal.services.reports.snapshot import digest_of
from portal.storage import access, work_items
from portal.storage.tables.accounts import LoginFailure, User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, Report
from tests.conftest import PASSWORD
from tests.support import pictures
from tests.support.client import Client
from tests.support.clock import Clock
from tests.support.dropped_in import drop_in
from tests.support.pdf import pages, text_of
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

OTHER = "other@clinic.example"
SEEN = re.compile(r'name="seen"[^>]* value="([0-9a-f]{64})"')


@pytest.fixture(autouse=True)
def _quick_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leukemia answers at once and always the same; what it says is none of these tests' business."""
    heat = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    said = Reading(outcome="scored", label="Early", scores={"Benign": 0.02, "Early": 0.9, "Pre": 0.05, "Pro": 0.03},
                   layers=(Layer(name="heatmap", title="Where the model looked", kind="heat", values=heat),))
    read = Engine.read
    monkeypatch.setattr(Engine, "read", lambda engine, key, micrograph, version="": (
        said if key == "leukemia" else read(engine, key, micrograph, version)))


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def case_id(reader: Client) -> int:
    return open_case(reader, patient="P-Ωμέγα", specimen="Кровь", note="Zażółć")


@pytest.fixture
def prediction(reader: Client, case_id: int) -> int:
    return int(only(upload(reader, case_id, ("one.png", pictures.smear()), um_per_px="0.25"))["prediction"])


@pytest.fixture
def reviewed(reader: Client, case_id: int, prediction: int) -> int:
    """The case, with its one image reviewed."""
    assert reader.post(f"/predictions/{prediction}/review", {"verdict": "agree"}).status_code == 303
    return case_id


def share(app: Flask, case_id: int, email: str) -> None:
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == email)).one()
        access.add_reader(case_id, user.id, user.id)
        work_items.add_for_reader(case_id, user.id)
        db.session.commit()


def make_blind(app: Flask, case_id: int) -> None:
    with app.app_context():
        db.session.get_one(Case, case_id).blind = True
        db.session.commit()


def seen_by(client: Client, case_id: int) -> str:
    found = SEEN.search(client.get(f"/cases/{case_id}").text)
    assert found
    return found.group(1)


def sign(client: Client, case_id: int, **fields: str) -> TestResponse:
    seen = fields.pop("seen", "") or seen_by(client, case_id)
    return client.post(f"/cases/{case_id}/sign", {"seen": seen, "password": PASSWORD, **fields})


def pdf(client: Client, address: str) -> bytes:
    answer = client.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf"), answer.text
    return answer.data


def held(app: Flask) -> list[Report]:
    with app.app_context():
        return list(db.session.scalars(select(Report).order_by(Report.number)))


def test_a_preview_says_that_it_is_not_signed_and_shows_the_case(reader: Client, reviewed: int) -> None:
    shown = pages(pdf(reader, f"/cases/{reviewed}/report.pdf"))
    assert all("NOT SIGNED" in page.text and "Research use only, not a diagnosis." in page.text for page in shown)
    text = " ".join(page.text for page in shown)
    for words in ("P-Ωμέγα", "Кровь", "Zażółć", "one.png", "Agrees", "0.25 µm per pixel", "µm", "leukemia"):
        assert words in text, words


def test_the_printed_pictures_are_the_image_and_its_heat_map(reader: Client, reviewed: int) -> None:
    plain, heated = (picture.astype(float) for page in pages(pdf(reader, f"/cases/{reviewed}/report.pdf"), 0.1)
                     for picture in page.pictures)
    sent = np.asarray(PillowImage.open(io.BytesIO(pictures.smear())), float)[..., ::-1]
    assert plain.shape == sent.shape == heated.shape
    assert np.abs(plain - sent).mean() < 3
    assert np.abs(heated - sent).mean() > 10


@pytest.mark.parametrize(("wanted", "width"), [("", 595.3), ("?paper=letter", 612), ("?paper=papyrus", 595.3)])
def test_the_paper_is_chosen_in_the_address(reader: Client, reviewed: int, wanted: str, width: float) -> None:
    assert pages(pdf(reader, f"/cases/{reviewed}/report.pdf{wanted}"))[0].width == pytest.approx(width, abs=0.1)


def test_a_case_without_images_has_a_report_but_nothing_to_sign(reader: Client, case_id: int) -> None:
    assert "no images in this case" in text_of(pdf(reader, f"/cases/{case_id}/report.pdf"))
    assert not SEEN.search(reader.get(f"/cases/{case_id}").text)
    answer = reader.post(f"/cases/{case_id}/sign", {"password": PASSWORD, "seen": "x"})
    assert answer.status_code == 400
    assert "nothing to sign" in answer.text


def test_somebody_elses_report_does_not_exist(reader: Client, reviewed: int, login: Callable[..., Client]) -> None:
    sign(reader, reviewed)
    other = login(OTHER)
    for address in ("report.pdf", "reports/1.pdf", "sign"):
        assert other.get(f"/cases/{reviewed}/{address}").status_code == 404
    assert other.post(f"/cases/{reviewed}/sign", {"password": PASSWORD, "seen": "x"}).status_code == 404
    assert reader.get(f"/cases/{reviewed}/reports/2.pdf").status_code == 404


def test_a_signature_keeps_everything_with_its_hash_and_is_in_the_audit(
        app: Flask, reader: Client, reviewed: int, prediction: int) -> None:
    assert sign(reader, reviewed, comment="Seen and agreed.").location == f"/cases/{reviewed}#report"
    with app.app_context():
        report = db.session.scalars(select(Report)).one()
        image, said = db.session.scalars(select(Image)).one(), db.session.get_one(Prediction, prediction)
        assert (report.number, report.comment, report.sha256) == (1, "Seen and agreed.", digest_of(report.content))
        kept = report.content["images"][0]
        assert (kept["sha256"], kept["added_by"]) == (image.sha256, "Reader")
        assert kept["predictions"][0]["weights_sha256"] == said.weights_sha256
        assert kept["predictions"][0]["reviews"][0]["id"] == said.reviews[0].id
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "report.sign")).one()
        assert (event.subject, event.details) == (f"case:{reviewed}", {"number": 1, "sha256": report.sha256})
        sha256 = report.sha256
    text = text_of(pdf(reader, f"/cases/{reviewed}/reports/1.pdf"))
    assert "Signed by Reader" in text
    assert sha256 in text
    assert "Seen and agreed." in text
    assert "NOT SIGNED" not in text
    page = reader.get(f"/cases/{reviewed}").text
    assert "Nothing changed since" in page
    assert sha256[:12] in page


def test_the_database_refuses_to_change_a_signed_report(app: Flask, reader: Client, reviewed: int) -> None:
    sign(reader, reviewed)
    with app.app_context():
        for statement in ("UPDATE reports SET comment = 'other'", "DELETE FROM reports"):
            with pytest.raises(DatabaseError, match="never changed or deleted"):
                db.session.execute(text(statement))
            db.session.rollback()


def test_a_signed_report_is_the_same_for_ever(app: Flask, reader: Client, reviewed: int, prediction: int) -> None:
    sign(reader, reviewed)
    first = pdf(reader, f"/cases/{reviewed}/reports/1.pdf")
    assert pdf(reader, f"/cases/{reviewed}/report.pdf") == first
    reader.post(f"/predictions/{prediction}/review", {"verdict": "cannot-judge", "reason": "Second thoughts."})
    with app.app_context():
        case = db.session.get_one(Case, reviewed)
        case.patient, case.owner.name = "P-other", "Renamed"
        db.session.commit()
    assert pdf(reader, f"/cases/{reviewed}/reports/1.pdf") == first


def test_a_wrong_password_signs_nothing_and_is_counted(app: Flask, reader: Client, reviewed: int) -> None:
    answer = sign(reader, reviewed, password="not my password", comment="kept as typed")
    assert answer.status_code == 400
    assert "not your password" in answer.text
    assert "kept as typed" in answer.text
    assert held(app) == []
    with app.app_context():
        assert len(db.session.scalars(select(LoginFailure)).all()) == 1
        failure = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "login.failure")).one()
        assert failure.details == {"reason": "password to sign"}


def test_guessing_the_password_is_slowed_as_at_login(
        app: Flask, reader: Client, reviewed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch).stand()
    answers = [sign(reader, reviewed, password=f"guess {number}").status_code for number in range(6)]
    assert answers == [400, 400, 400, 400, 400, 429]
    assert sign(reader, reviewed).status_code == 429
    assert held(app) == []


def test_what_nobody_read_is_signed_only_on_purpose_and_named(
        app: Flask, reader: Client, case_id: int, prediction: int) -> None:
    answer = sign(reader, case_id)
    assert answer.status_code == 400
    assert "no reading yet" in answer.text
    assert held(app) == []
    assert sign(reader, case_id, although_waiting="y").status_code == 303
    assert "Signed without a reading of: one.png" in text_of(pdf(reader, f"/cases/{case_id}/reports/1.pdf"))


def test_a_demonstration_waits_for_no_reader_and_is_marked_on_paper(
        app: Flask, reader: Client, case_id: int, tmp_path: object) -> None:
    drop_in(app, tmp_path / "dropped-in")  # type: ignore[operator]
    upload(reader, case_id, ("colours.png", pictures.smear()), model="rainbow", um_per_px="0.5")
    assert sign(reader, case_id).status_code == 303
    shown = text_of(pdf(reader, f"/cases/{case_id}/reports/1.pdf"))
    summary, _heading, section = shown.partition("Image 1: colours.png")
    assert "Demonstration – not a real score" in summary
    assert "3.75" not in summary
    assert "3.75 of 5 Demonstration – not a real score" in section


def test_what_changed_after_the_page_was_seen_is_not_signed(
        app: Flask, reader: Client, reviewed: int, prediction: int) -> None:
    seen = seen_by(reader, reviewed)
    reader.post(f"/predictions/{prediction}/review", {"verdict": "cannot-judge"})
    answer = sign(reader, reviewed, seen=seen)
    assert answer.status_code == 400
    assert "changed while the page was open" in answer.text
    assert held(app) == []
    again = SEEN.search(answer.text)
    assert again
    assert sign(reader, reviewed, seen=again.group(1)).status_code == 303


@pytest.mark.parametrize("sent", [{"password": ""}, {"password": "not the one"}, {"csrf_token": "stale"}],
                         ids=["no password", "a wrong one", "open too long"])
def test_a_form_that_comes_back_says_that_the_case_changed_meanwhile(
        reader: Client, reviewed: int, prediction: int, sent: dict[str, str]) -> None:
    """It comes back with the case of now, which the next password would sign."""
    seen = seen_by(reader, reviewed)
    reader.post(f"/predictions/{prediction}/review", {"verdict": "cannot-judge"})
    post = reader.post_without_token if "csrf_token" in sent else reader.post
    for asked, told in ((seen, True), (seen_by(reader, reviewed), False)):
        answer = post(f"/cases/{reviewed}/sign", {"seen": asked, "password": PASSWORD, **sent})
        assert answer.status_code == 400
        assert ("changed while the page was open" in answer.text) == told


def test_a_later_change_makes_an_addendum_that_names_it(
        app: Flask, reader: Client, reviewed: int, prediction: int, login: Callable[..., Client]) -> None:
    other = login(OTHER)
    share(app, reviewed, OTHER)
    sign(reader, reviewed)
    other.post(f"/predictions/{prediction}/review", {"verdict": "cannot-judge"})
    upload(other, reviewed, ("two.png", pictures.smear(2)))
    page = reader.get(f"/cases/{reviewed}").text
    assert "Changed since report 1 was signed" in page
    assert "two.png was added" in page
    assert "one.png was reviewed (leukemia): cannot be judged" in page
    preview = text_of(pdf(reader, f"/cases/{reviewed}/report.pdf"))
    assert "NOT SIGNED" in preview
    assert "Changed since report 1" in preview
    assert sign(other, reviewed, although_waiting="y").status_code == 303
    first, second = held(app)
    text = text_of(pdf(reader, f"/cases/{reviewed}/reports/2.pdf"))
    assert "Addendum to report 1" in text
    assert first.sha256 in text
    assert second.sha256 in text
    assert "Signed by Other" in text
    assert "Image two.png was added · Other" in text
    assert text_of(pdf(reader, f"/cases/{reviewed}/report.pdf")) == text


def test_the_same_reader_signs_the_same_case_twice_only_with_a_comment(
        app: Flask, reader: Client, reviewed: int) -> None:
    sign(reader, reviewed)
    answer = sign(reader, reviewed)
    assert answer.status_code == 400
    assert "Nothing changed since report 1" in answer.text
    assert sign(reader, reviewed, comment="One word more.").status_code == 303
    assert [one.number for one in held(app)] == [1, 2]


def test_two_who_sign_at_once_do_not_get_the_same_number(
        app: Flask, reader: Client, reviewed: int, login: Callable[..., Client],
        monkeypatch: pytest.MonkeyPatch) -> None:
    other = login(OTHER)
    share(app, reviewed, OTHER)
    seen, both_checked = seen_by(reader, reviewed), Barrier(2, timeout=20)
    confirm = signing.logins.confirm_password

    def confirm_together(*args: object, **kwargs: object) -> None:
        confirm(*args, **kwargs)  # type: ignore[arg-type]
        both_checked.wait()

    monkeypatch.setattr(signing.logins, "confirm_password", confirm_together)
    fields = {"seen": seen, "password": PASSWORD}
    tokens = [(one, one.token()) for one in (reader, other)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: pair[0].post_without_token(
            f"/cases/{reviewed}/sign", {**fields, "csrf_token": pair[1]}), tokens))
    assert sorted(answer.status_code for answer in answers) == [303, 400]
    assert "at the same moment" in next(answer.text for answer in answers if answer.status_code == 400)
    assert [one.number for one in held(app)] == [1]


def test_a_blind_reader_learns_nothing_from_any_report_before_reading(
        app: Flask, reader: Client, reviewed: int, prediction: int, login: Callable[..., Client]) -> None:
    with app.app_context():
        said = str(db.session.get_one(Prediction, prediction).label)
    make_blind(app, reviewed)
    sign(reader, reviewed, comment="The secret conclusion.")
    reader.post(f"/predictions/{prediction}/review", {"verdict": "cannot-judge"})
    other = login(OTHER)
    share(app, reviewed, OTHER)
    page = other.get(f"/cases/{reviewed}").text
    preview = text_of(pdf(other, f"/cases/{reviewed}/report.pdf"))
    for shown in (page.partition('id="report"')[2], preview.replace("Preview", "")):
        assert said not in shown
        assert "cannot be judged" not in shown.lower()
        assert "secret conclusion" not in shown
    assert "Hidden until read" in preview
    refused = other.get(f"/cases/{reviewed}/reports/1.pdf")
    assert refused.status_code == 403
    assert "read blind" in refused.text
    answer = other.post(f"/cases/{reviewed}/sign", {"password": PASSWORD, "seen": "x", "although_waiting": "y"})
    assert answer.status_code == 400
    assert "read blind" in answer.text
    other.post(f"/predictions/{prediction}/review", {"verdict": "cannot-judge"})
    assert "secret conclusion" in text_of(pdf(other, f"/cases/{reviewed}/reports/1.pdf"))
    assert sign(other, reviewed).status_code == 303


def test_a_picture_that_was_exchanged_on_the_disk_is_not_printed_under_a_signature(
        app: Flask, reader: Client, reviewed: int) -> None:
    sign(reader, reviewed)
    with app.app_context():
        stored = db.session.scalars(select(Image)).one().stored_as
    app.extensions["files"].local(stored).write_bytes(pictures.smear(9))
    shown = text_of(pdf(reader, f"/cases/{reviewed}/reports/1.pdf"))
    assert "This picture cannot be shown." in shown
    assert "Signed by Reader" in shown


def test_a_report_that_is_not_what_was_signed_is_not_shown(app: Flask, reader: Client, reviewed: int) -> None:
    sign(reader, reviewed)
    with app.app_context():
        signed = db.session.scalars(select(Report)).one()
        db.session.add(Report(case_id=reviewed, number=2, signed_by=signed.signed_by, sha256="0" * 64,
                              content=signed.content))
        db.session.commit()
    answer = reader.get(f"/cases/{reviewed}/reports/2.pdf")
    assert answer.status_code == 500
    assert "not what was signed" in answer.text


def test_a_form_that_was_open_too_long_comes_back_with_what_was_typed(reader: Client, reviewed: int) -> None:
    answer = reader.post_without_token(f"/cases/{reviewed}/sign", {"comment": "typed", "csrf_token": "stale"})
    assert answer.status_code == 400
    assert "typed" in answer.text
    assert "open too long" in answer.text
