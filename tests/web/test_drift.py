"""The page on drift: moved images are called so, few are called few, and only administrators look."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from models.card import CARDS
from models.engine import Engine
from models.imaging.decode import decode
from models.imaging.limits import Limits
from models.reference import Reference, load_reference, seen_of
from models.spec import Micrograph
from portal.extensions import db
from portal.services import drift_page
from portal.storage import model_runs
from portal.storage.tables.columns import now
from portal.storage.tables.operations import ModelRun
from tests.support import pictures
from tests.support.client import Client
from tests.support.readings import version_of
from tests.web.test_cases import open_case
from tests.web.test_images import upload
from tests.web.test_metrics import by_name


@pytest.fixture
def admin(login: Callable[..., Client]) -> Client:
    return login("admin@clinic.example", "admin")


def add_runs(app: Flask, count: int, *, model: str = "leukemia", brightness: float = 170, refused: int = 0,
             days_ago: int = 1) -> None:
    draw = random.Random(count)
    with app.app_context():
        db.session.add_all(ModelRun(
            model=model, version=version_of(model), outcome="refused" if number < refused else "scored", ms=20.0,
            at=now() - timedelta(days=days_ago), width=400, height=300, brightness=draw.gauss(brightness, 8),
            contrast=120.0, sharpness=1.5, saturation=0.3, density=0.3, score=0.9) for number in range(count))
        db.session.commit()


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> Reference:
    draw = random.Random(3)
    held = Reference(images=600, refused=6, what="held-out fields", command="measure leukemia", values={
        "brightness": tuple(sorted(draw.gauss(170, 8) for _ in range(600))), "contrast": (120.0,) * 600})
    monkeypatch.setattr(drift_page, "load_reference", lambda _: held)
    return held


def test_nothing_read_is_said(admin: Client) -> None:
    assert "Nothing was read yet" in admin.get("/admin/drift").text


def test_an_upload_leaves_its_looks(admin: Client) -> None:
    upload(admin, open_case(admin), ("a.png", pictures.smear()))
    with admin.app.app_context():
        run = db.session.query(ModelRun).one()
    assert all(value is not None for value in (run.brightness, run.contrast, run.sharpness, run.saturation,
                                               run.density, run.width, run.height))
    page = admin.get("/admin/drift").text
    assert "Too few images to say" in page
    assert "n = 1" in page


def test_images_like_the_references_have_not_moved(admin: Client, reference: Reference) -> None:
    add_runs(admin.app, 150)
    page = admin.get("/admin/drift").text
    assert "No difference seen" in page
    assert "Moved" not in page
    assert f"600 held-out fields (<code>{reference.command}</code>)" in page


def test_a_dimmer_lamp_and_more_refusals_are_called_by_name(admin: Client, reference: Reference) -> None:
    assert reference.images
    add_runs(admin.app, 150, brightness=140, refused=40)
    assert "Moved: Brightness, Share refused." in admin.get("/admin/drift").text
    told = by_name(admin, "secondread_drift_distance_low")
    [(key, value)] = [pair for pair in told.items() if "brightness" in pair[0]]
    assert ("'model': 'leukemia'" in key, value > 0.2) == (True, True)


def test_only_the_last_month_counts(admin: Client, reference: Reference) -> None:
    assert reference.images
    add_runs(admin.app, 150, brightness=140, days_ago=40)
    add_runs(admin.app, 12)
    page = admin.get("/admin/drift").text
    assert "Moved" not in page
    assert "n = 12" in page


@pytest.mark.parametrize("model", ["leukemia", "isight"])
def test_what_is_kept_of_an_upload_is_what_a_reference_keeps_of_the_same_file(admin: Client, model: str) -> None:
    data = pictures.smear()
    upload(admin, open_case(admin), ("a.png", data), model=model)
    picture = decode(data, Limits(max_bytes=10**7, max_pixels=10**7))
    micrograph = Micrograph(pixels=picture.pixels, um_per_px=picture.header.um_per_px)
    engine = admin.app.extensions["engine"]
    with admin.app.app_context():
        [row] = model_runs.list_looks(model, version_of(model), most=9)
    shown = {key: values[0] for key in drift_page.MEASURES if (values := drift_page._values([row], key))}
    assert shown == pytest.approx(seen_of(engine.spec(model), micrograph, engine.read(model, micrograph)))


def test_a_few_images_of_a_card_are_told_and_judge_nothing(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Reference(images=6, refused=2, what="crops of sections", command="measure er",
                    values={"brightness": (20.0, 21.0, 22.0, 23.0, 24.0, 31.5)})
    monkeypatch.setattr(drift_page, "load_reference", lambda _: few)
    add_runs(admin.app, 150, model="er")
    page = admin.get("/admin/drift").text
    assert "Beside the card: 6 crops of sections (<code>measure er</code>); 2 of them refused." in page
    assert page.count("The card’s 6: 20 to 31.5") == 1
    assert "Moved" not in page
    assert "once 400 were" in page
    assert not by_name(admin, "secondread_drift_distance_low")
    add_runs(admin.app, 251, model="er")
    page = admin.get("/admin/drift").text
    assert "compared with the first 200 images" in page
    assert "The card’s 6: 20 to 31.5" in page


def test_without_a_reference_the_first_images_here_are_one(admin: Client) -> None:
    add_runs(admin.app, 250, model="er", days_ago=300)
    add_runs(admin.app, 20, model="er")
    page = admin.get("/admin/drift").text
    assert "once 400 were" in page
    add_runs(admin.app, 150, model="er", brightness=140)
    page = admin.get("/admin/drift").text
    assert "compared with the first 200 images" in page
    assert "Moved: Brightness." in page


@pytest.mark.parametrize("key", ["leukemia", "er", "pcam", "pancreas", "isight"])
def test_a_system_has_a_reference_of_the_weights_that_are_served(key: str) -> None:
    spec = Engine().spec(key)
    held = load_reference(spec)
    assert held is not None
    assert held.what
    assert held.command.endswith(f" {spec.key}")
    assert 0 <= held.refused <= held.images
    assert set(held.values) <= set(drift_page.MEASURES)
    assert all(list(values) == sorted(values) for values in held.values.values())
    assert max(map(len, held.values.values())) == held.images
    assert (CARDS / f"{spec.key}-{spec.version}" / "reference.json").stat().st_size <= 100_000
