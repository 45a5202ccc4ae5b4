"""An installed candidate can be made the active one of its family, and the choice is kept and recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from models.engine import Engine
from models.zoo.leukemia import SPEC as SERVED
from portal.extensions import db
from portal.services import activation, offers
from portal.services.audit import Actor
from portal.services.errors import NotActivated
from portal.storage.tables.administration import ActiveModel, AuditEvent
from tests.support.candidates import CANDIDATE, install

SOMEBODY = Actor(address="192.0.2.7")


@pytest.fixture
def installed(tmp_path: Path) -> Engine:
    return Engine(weights=install(tmp_path / "weights"))


def offered(engine: Engine) -> list[str]:
    return [spec.key for spec in offers.list_offered(engine) if spec.family == "leukemia"]


def test_without_a_choice_the_served_hybrid_is_offered(inside: Flask, installed: Engine) -> None:
    assert offered(installed) == ["leukemia"]


def test_an_installed_candidate_is_offered_once_activated(inside: Flask, installed: Engine) -> None:
    activation.activate(installed, SOMEBODY, CANDIDATE)
    assert offered(installed) == [CANDIDATE]
    activation.activate(installed, SOMEBODY, "leukemia")
    assert offered(installed) == ["leukemia"]
    assert db.session.scalars(select(ActiveModel.key)).all() == ["leukemia"]


def test_the_choice_is_recorded_with_what_it_replaced(inside: Flask, installed: Engine) -> None:
    activation.activate(installed, SOMEBODY, CANDIDATE)
    event = db.session.scalars(select(AuditEvent)).one()
    assert (event.action, event.subject, event.address) == ("model.activate", f"model:{CANDIDATE}", "192.0.2.7")
    assert (event.details["before"], event.details["weights_sha256"]) == ("leukemia", SERVED.weights_sha256)


def test_a_candidate_that_vanished_is_not_offered(inside: Flask, installed: Engine, tmp_path: Path) -> None:
    activation.activate(installed, SOMEBODY, CANDIDATE)
    (tmp_path / "weights" / f"{CANDIDATE}-1.json").unlink()
    assert offered(Engine(weights=tmp_path / "weights")) == ["leukemia"]


def test_what_is_not_installed_is_not_activated(inside: Flask, installed: Engine) -> None:
    with pytest.raises(NotActivated, match="not installed"):
        activation.activate(installed, SOMEBODY, "leukemia-efficientnetb3-vit")
    assert db.session.scalars(select(ActiveModel)).all() == []
    assert db.session.scalars(select(AuditEvent)).all() == []


def test_what_is_damaged_is_not_activated(inside: Flask, installed: Engine, tmp_path: Path) -> None:
    (tmp_path / "weights" / SERVED.graphs["explain"].name).write_bytes(b"")
    with pytest.raises(NotActivated, match="sha256"):
        activation.activate(installed, SOMEBODY, CANDIDATE)


@pytest.mark.parametrize(("key", "why"), [("pcam", "only one of its kind"), ("no-such-model", "no model")])
def test_what_has_no_family_or_does_not_exist_is_said(inside: Flask, installed: Engine, key: str, why: str) -> None:
    with pytest.raises(NotActivated, match=why):
        activation.activate(installed, SOMEBODY, key)
