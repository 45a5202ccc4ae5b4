"""A version that was fine-tuned here: promoted on its figures, rolled back, and named by every answer it gave."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from models.engine import Engine
from portal.extensions import db
from portal.services import activation, offers
from portal.services.audit import Actor
from portal.services.errors import NotActivated, NotFound
from portal.storage.tables.administration import AuditEvent
from tests.support.own import OWN, SPEC, make_version

SOMEBODY = Actor(address="192.0.2.7")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def engine(folder: Path) -> Engine:
    make_version(folder)
    return Engine(own=folder)


def active(engine: Engine) -> str:
    """What the upload form offers and what an image is read with: always the same."""
    (offered,) = (spec for spec in offers.list_offered(engine) if spec.family == "leukemia")
    assert offers.active_spec(engine, "leukemia") == offered
    return offered.version


def test_an_installed_version_waits_until_it_is_promoted(inside: Flask, engine: Engine) -> None:
    assert active(engine) == SPEC.version
    activation.activate(engine, SOMEBODY, "leukemia", OWN)
    assert active(engine) == OWN


def test_another_process_follows_at_once(inside: Flask, engine: Engine, folder: Path) -> None:
    other = Engine(own=folder)
    activation.activate(engine, SOMEBODY, "leukemia", OWN)
    assert active(other) == OWN


def test_rolling_back_offers_what_was_offered_before(inside: Flask, engine: Engine, folder: Path) -> None:
    with pytest.raises(NotActivated, match="before"):
        activation.roll_back(engine, SOMEBODY, "leukemia")
    second = make_version(folder, "b")
    activation.activate(engine, SOMEBODY, "leukemia", OWN)
    activation.activate(engine, SOMEBODY, "leukemia", second)
    activation.activate(engine, SOMEBODY, "leukemia", second)
    assert activation.roll_back(engine, SOMEBODY, "leukemia").version == active(engine) == OWN
    activation.activate(engine, SOMEBODY, "leukemia")
    assert activation.roll_back(engine, SOMEBODY, "leukemia").version == OWN


def test_the_change_is_recorded_with_before_and_after_and_its_figures(inside: Flask, engine: Engine) -> None:
    activation.activate(engine, SOMEBODY, "leukemia", OWN)
    event = db.session.scalars(select(AuditEvent)).one()
    assert (event.action, event.subject) == ("model.activate", "model:leukemia")
    assert (event.details["before_version"], event.details["version"]) == (SPEC.version, OWN)
    assert "Macro-F1 0.900 instead of 0.750" in event.details["figures"]


def test_without_a_comparison_nothing_is_promoted(inside: Flask, engine: Engine, folder: Path) -> None:
    version = make_version(folder, "b", compared=False)
    with pytest.raises(NotActivated, match="compare leukemia"):
        activation.activate(engine, SOMEBODY, "leukemia", version)
    assert active(engine) == SPEC.version
    assert not activation.find_candidate(engine, "leukemia", version).may_be_promoted


def test_a_version_that_is_not_here_is_said_with_those_that_are(inside: Flask, engine: Engine) -> None:
    with pytest.raises(NotActivated, match=f"there is {SPEC.version}, {OWN}"):
        activation.activate(engine, SOMEBODY, "leukemia", "1.own-z")


def test_a_promoted_version_that_vanishes_gives_way_to_the_published(
        inside: Flask, engine: Engine, folder: Path) -> None:
    activation.activate(engine, SOMEBODY, "leukemia", OWN)
    (folder / f"leukemia-{OWN}.predict.onnx").unlink()
    assert active(engine) == SPEC.version
    shutil.rmtree(folder)
    assert active(engine) == SPEC.version


def test_a_system_without_relatives_may_be_replaced_by_its_own_version_and_back(
        inside: Flask, engine: Engine, folder: Path) -> None:
    version = make_version(folder, key="pcam")
    activation.activate(engine, SOMEBODY, "pcam", version)
    assert offers.active_spec(engine, "pcam").version == version
    activation.activate(engine, SOMEBODY, "pcam")
    assert offers.active_spec(engine, "pcam").own is None
    assert active(engine) == SPEC.version


def test_only_versions_of_the_clinic_are_candidates(inside: Flask, engine: Engine) -> None:
    for key, version in (("leukemia", SPEC.version), ("leukemia", "1.own-z"), ("astrology", OWN)):
        with pytest.raises(NotFound):
            activation.find_candidate(engine, key, version)


def test_every_version_is_listed_with_its_state(inside: Flask, engine: Engine) -> None:
    activation.activate(engine, SOMEBODY, "leukemia", OWN)
    states = {(row.spec.key, row.spec.version): row for row in offers.list_states(engine)}
    assert states["leukemia", OWN].offered
    assert states["leukemia", SPEC.version].may_be_offered
    assert states["pcam", Engine().spec("pcam").version].alone
    rows = {(row.spec.key, row.spec.version): row for row in offers.list_catalogue(engine, offers.list_offered(engine))}
    assert rows["leukemia", OWN].measured == "Macro-F1 0.900 (0.800–0.950)"
    assert (rows["leukemia", OWN].state, rows["leukemia", SPEC.version].state) == ("offered", "installed")
