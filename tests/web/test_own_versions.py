"""A clinic's own version in the portal: seen beside the offered one, promoted, read with, and rolled back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.readings import Prediction
from tests.support import pictures
from tests.support.client import Client
from tests.support.own import OWN, SPEC, make_version
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

PAGE = f"/admin/models/leukemia/{OWN}"


@pytest.fixture
def admin(login: Callable[..., Client]) -> Client:
    return login("admin@clinic.example", "admin")


@pytest.fixture
def installed(app: Flask) -> str:
    return make_version(app.extensions["settings"].models)


@pytest.mark.usefixtures("installed")
def test_the_administrator_sees_both_versions_side_by_side(admin: Client) -> None:
    assert PAGE in admin.get("/admin/models").text
    page = admin.get(PAGE).text
    assert f"{PAGE}/promote" in page
    assert "rollback" not in page
    for told in ("By a sentence of the test.", "40 images in 11 groups", "Only 40 images were kept out.", "Macro-F1",
                 "0.800 to 0.950"):
        assert told in page
    assert page.count('class="matrix-count"') == 2 * len(SPEC.labels) ** 2


@pytest.mark.usefixtures("installed")
def test_after_a_promotion_the_same_image_is_read_again_and_nothing_is_lost(app: Flask, admin: Client) -> None:
    case, data = open_case(admin), pictures.smear()
    first = only(upload(admin, case, ("one.png", data)))
    admin.post(f"/predictions/{first['prediction']}/review", {"verdict": "agree"})
    assert admin.post(f"{PAGE}/promote").status_code == 303
    assert "is offered from now on" in admin.get("/admin/models").text
    second = only(upload(admin, case, ("one.png", data)))
    assert (first["version"], second["version"]) == (SPEC.version, OWN)
    assert (first["image"], second["existing"]) == (second["image"], False)
    again = only(upload(admin, case, ("one.png", data)))
    assert (again["prediction"], again["existing"]) == (second["prediction"], True)

    assert f"{PAGE}/promote" not in admin.get(PAGE).text
    assert admin.post("/admin/models/leukemia/rollback").status_code == 303
    third = only(upload(admin, case, ("one.png", data)))
    assert (third["prediction"], third["existing"]) == (first["prediction"], True)
    fresh = only(upload(admin, case, ("two.png", pictures.smear(2))))
    assert fresh["version"] == SPEC.version
    with app.app_context():
        kept = db.session.scalars(select(Prediction).order_by(Prediction.id)).all()
        assert [(one.version, len(one.reviews)) for one in kept] == [(SPEC.version, 1), (OWN, 0), (SPEC.version, 0)]
        changes = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "model.activate")).all()
        assert [(one.details["before_version"], one.details["version"]) for one in changes] == [
            (SPEC.version, OWN), (OWN, SPEC.version)]


@pytest.mark.usefixtures("installed")
def test_a_result_says_which_kind_of_version_gave_it(app: Flask, admin: Client) -> None:
    case = open_case(admin)
    before = only(upload(admin, case, ("one.png", pictures.smear())))["prediction"]
    admin.post(f"{PAGE}/promote")
    after = only(upload(admin, case, ("one.png", pictures.smear())))["prediction"]
    told = "fine-tuned at this clinic from 48 reviewed images"
    assert told in admin.get(f"/predictions/{after}").text
    assert told not in admin.get(f"/predictions/{before}").text


@pytest.mark.usefixtures("installed")
def test_its_card_is_the_comparison_and_the_published_card(client: Client) -> None:
    assert f"/models/leukemia/versions/{OWN}" in client.get("/models/leukemia").text
    assert f"/models/leukemia/versions/{OWN}" in client.get("/models").text
    page = client.get(f"/models/leukemia/versions/{OWN}").text
    assert "Not the published version." in page
    assert "By a sentence of the test." in page
    assert "The card of the published version" in page


@pytest.mark.parametrize("path", [f"/admin/models/leukemia/{SPEC.version}", "/admin/models/astrology/1.own-a", PAGE,
                                  f"/models/leukemia/versions/{SPEC.version}", f"/models/leukemia/versions/{OWN}"])
def test_what_is_not_here_is_not_found(admin: Client, path: str) -> None:
    assert admin.get(path).status_code == 404


@pytest.mark.usefixtures("installed")
def test_only_an_administrator_promotes(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    assert reader.get(PAGE).status_code in (403, 404)
    for path in (f"{PAGE}/promote", "/admin/models/leukemia/rollback"):
        assert reader.post(path).status_code in (403, 404)
    with app.app_context():
        assert not db.session.scalars(select(AuditEvent).where(AuditEvent.action == "model.activate")).all()


def test_a_version_that_was_not_compared_is_not_promoted(app: Flask, admin: Client) -> None:
    version = make_version(app.extensions["settings"].models, compared=False)
    page = admin.get(f"/admin/models/leukemia/{version}").text
    assert "promote" not in page.partition("<main")[2]
    assert "compare leukemia" in page
    admin.post(f"/admin/models/leukemia/{version}/promote")
    assert "has not been compared" in admin.get("/admin/models").text


def test_a_manifest_that_cannot_be_used_is_named_to_the_administrator(app: Flask, admin: Client) -> None:
    folder = app.extensions["settings"].models
    folder.mkdir()
    (folder / f"leukemia-{OWN}.json").write_text("{}")
    assert f"leukemia-{OWN}.json" in admin.get("/admin/models").text
