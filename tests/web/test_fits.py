"""Fine-tuning from the portal: who may ask for it, what the page says, and that a version comes of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from models.catalogue import Catalogue
from models.imaging.limits import OUR_OWN
from portal.extensions import db
from portal.services import housekeeping
from portal.services.jobs import registry, run
from portal.services.jobs.kinds import fit
from portal.services.uploads import Desk
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.jobs import Job
from tests.support.client import Client
from tests.support.own import OWN, SPEC, make_version
from tests.support.reviewed import Ward

PAGE = "/admin/models/leukemia/fit"
ASKED = {"name": "spring", "base": SPEC.version}
ANNA = "anna@clinic.example"


@pytest.fixture
def chief(login: Callable[..., Client]) -> Client:
    return login("chief@clinic.example", "admin")


def count_jobs(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(Job)).all())


def test_an_administrator_asks_and_is_shown_the_job(app: Flask, chief: Client) -> None:
    assert PAGE in chief.get("/admin/models").text
    assert re.search(r'name="name"[^>]* value="\d{8}"', chief.get(PAGE).text), "the day, unless another is chosen"
    answer = chief.post(PAGE, ASKED)
    assert (answer.status_code, answer.location) == (303, "/jobs/1")
    assert f"version {SPEC.version}.own-spring" in chief.get("/jobs/1").text
    with app.app_context():
        assert db.session.get_one(Job, 1).params == {"key": "leukemia", "name": "spring", "base": ""}
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "model.fit")).one()
        assert (event.subject, event.details["version"]) == ("model:leukemia", f"{SPEC.version}.own-spring")


def test_the_page_says_from_how_many_images_it_would_learn(
        app: Flask, chief: Client, login: Callable[..., Client]) -> None:
    login(ANNA)
    ward = Ward(app)
    case, blind = ward.case(ANNA), ward.case(ANNA, "chief@clinic.example", blind=True)
    ward.review(ward.image(case, b"one", "leukemia", label="Pro"), ANNA)
    ward.review(ward.image(blind, b"two", "leukemia", label="Pro"), ANNA)
    page = re.sub(r"<[^>]+>", "", chief.get(PAGE).text)
    assert "1 reviewed image of all cases" in page
    assert "1 Read blind, and not yet by every reader" in page


def test_nobody_else_asks(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    assert reader.get(PAGE).status_code in (403, 404)
    assert reader.post(PAGE, ASKED).status_code in (403, 404)
    assert count_jobs(app) == 0


def test_without_the_token_of_the_form_nothing_is_asked_for(app: Flask, chief: Client) -> None:
    assert chief.post_without_token(PAGE, ASKED).status_code == 400
    assert count_jobs(app) == 0


@pytest.mark.parametrize("key", ["astrology", "isight-large", "leukemia-xception-bigru"])
def test_a_system_that_does_not_learn_has_no_such_page(chief: Client, key: str) -> None:
    assert chief.get(f"/admin/models/{key}/fit").status_code == 404
    assert chief.post(f"/admin/models/{key}/fit", ASKED).status_code == 404
    assert f"/admin/models/{key}/fit" not in chief.get("/admin/models").text


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "Spring!"}, {"name": "a" * 17}, {"base": "9"}, {"base": ""}])
def test_a_wrong_word_is_said_and_nothing_is_asked_for(app: Flask, chief: Client, wrong: dict[str, str]) -> None:
    answer = chief.post(PAGE, {**ASKED, **wrong})
    assert answer.status_code == 400
    assert "needs a correction" in answer.text
    assert count_jobs(app) == 0


def test_a_second_one_and_a_taken_name_are_refused_in_words(app: Flask, chief: Client) -> None:
    make_version(app.extensions["settings"].models)
    taken = chief.post(PAGE, {**ASKED, "name": "a"})
    assert taken.status_code == 409
    assert f"There is a version {OWN} already" in taken.text
    chief.post(PAGE, {**ASKED, "base": OWN})
    second = chief.post(PAGE, {**ASKED, "name": "summer"})
    assert second.status_code == 409
    assert "Job 1 fine-tunes this system already" in second.text
    with app.app_context():
        assert db.session.scalars(select(Job)).one().params["base"] == OWN


@pytest.mark.slow
@pytest.mark.datasets
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_reviewed_images_become_a_version_to_compare(
        app: Flask, chief: Client, login: Callable[..., Client], datasets: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")
    monkeypatch.setattr(fit, "MODULE", "tests.support.quick_training")
    login(ANNA)
    review_patches(Ward(app), datasets / "pcam")
    published = Catalogue()["pcam"].spec.version
    job = chief.post("/admin/models/pcam/fit", {"name": "spring", "base": published}).location
    parts = app.extensions
    desk = Desk(engine=parts["engine"], store=parts["files"], writer=parts["writer"], limits=OUR_OWN)
    with app.app_context():
        while run.run_next(registry.KINDS, desk, parts["settings"], parts["carrier"], "w"):
            pass
        housekeeping.clear_ended(parts["settings"])
    page, compared = chief.get(job).text, f"/admin/models/pcam/{published}.own-spring"
    assert compared in page, page
    assert "It is not offered: compare it first." in page
    assert "Fine-tuned here from version" in chief.get(compared).text
    assert not list(parts["settings"].instance.glob("making-*"))


def review_patches(ward: Ward, folder: Path) -> None:
    """Three real patches of each of twelve patients, each called what it is not: then there is much to learn, and the
    start, which competes, does not stay the best.
    """
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [one.name for one in Catalogue()["pcam"].spec.labels]
    for label, name in enumerate(reversed(names)):
        patches = [folder / row["file"] for row in rows if row["label"] == str(label)]
        for number in range(18):
            if number % 3 == 0:
                case = ward.case(ANNA, patient=f"P-{label}-{number}")
            ward.review(ward.image(case, patches[number].read_bytes(), "pcam", label=name), ANNA)
