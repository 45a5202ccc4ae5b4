"""What was found where, taken away: by whom, and when a blind reader may."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case
from portal.storage.tables.readings import Prediction
from tests.support import slides
from tests.support.client import Client
from tests.support.dropped_in import drop_in
from tests.web.test_cases import open_case

FORMS = ("csv", "geojson")


@pytest.fixture
def reader(app: Flask, tmp_path: Path, login: Callable[..., Client]) -> Client:
    drop_in(app, tmp_path / "dropped-in")
    return login()


@pytest.fixture
def prediction_id(app: Flask, reader: Client) -> int:
    image_id = slides.keep_slide(app, open_case(reader), slides.painted(1300, 700))
    reader.post(f"/images/{image_id}/read", {"model": "rainbow"})
    slides.work(app)
    with app.app_context():
        return db.session.scalars(select(Prediction.id)).one()


def test_regions_and_every_tile_are_in_both_files(app: Flask, reader: Client, prediction_id: int) -> None:
    table = reader.get(f"/predictions/{prediction_id}/regions.csv").data.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [line["kind"] for line in lines] == ["annotation", "tile", "tile", "tile"]
    assert [line["x_um"] for line in lines[1:]] == ["0.0", "256.0", "512.0"]
    assert {line["demonstration"] for line in lines} == {"It was fitted on made-up rainbows."}
    objects = reader.get(f"/predictions/{prediction_id}/regions.geojson").get_json(force=True)["features"]
    assert [one["properties"]["objectType"] for one in objects] == ["annotation", "tile", "tile", "tile"]
    assert objects[0]["properties"]["name"] == "1. the reddest column"
    with app.app_context():
        forms = db.session.scalars(select(AuditEvent.details).where(AuditEvent.action == "regions.export")).all()
        assert [one["format"] for one in forms] == list(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_others_and_blind_readers_get_nothing(
    app: Flask, reader: Client, prediction_id: int, login: Callable[..., Client], form: str
) -> None:
    address = f"/predictions/{prediction_id}/regions.{form}"
    assert login("stranger@clinic.example").get(address).status_code == 404
    with app.app_context():
        case = db.session.scalars(select(Case)).one()
        case.blind = True
        db.session.commit()
    assert reader.get(address).status_code == 404
    with app.app_context():
        assert not db.session.scalars(select(AuditEvent).where(AuditEvent.action == "regions.export")).all()
