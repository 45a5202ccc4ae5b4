"""What readers draw on a slide: kept as it was drawn, changed by adding, theirs alone where a case is read blind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError

from portal.extensions import db
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Annotation
from tests.support.client import Client
from tests.support.slides import kept_slide, layered_reading
from tests.web.test_cases import open_case

BOX = [[100, 200], [400, 500]]


@pytest.fixture
def reader(app: Flask, login: Callable[..., Client]) -> Client:
    client = login()
    kept_slide(app, open_case(client))
    return client


@pytest.fixture
def colleague(app: Flask, reader: Client, login: Callable[..., Client]) -> Client:
    """Somebody with whom the case is shared: user 2."""
    other = login("other@clinic.example")
    assert reader.post("/cases/1/readers", {"reader": "2"}).status_code == 303
    return other


def draw(client: Client, shape: str = "box", points: Any = None, text: str = "") -> dict[str, Any]:
    answer = client.post_json("/images/1/annotations", {"shape": shape, "points": points or BOX, "text": text})
    assert answer.status_code == 201, answer.json
    return dict(answer.get_json())


def features(client: Client) -> list[dict[str, Any]]:
    return list(json.loads(client.get("/images/1/annotations.geojson").data)["features"])


def test_a_drawing_is_kept_and_listed(app: Flask, reader: Client) -> None:
    draw(reader, text="mitosis?")

    page = reader.get("/images/1/slide").text
    assert "mitosis?" in page
    assert "100,200 400,500" in page
    with app.app_context():
        assert db.session.scalar(select(AuditEvent.subject).where(AuditEvent.action == "annotation.draw")) == "image:1"


def test_a_change_is_another_row(app: Flask, reader: Client) -> None:
    mark = draw(reader)["mark"]

    reader.post_json(f"/images/1/annotations/{mark}", {"text": "two nuclei"})
    reader.post_json(f"/images/1/annotations/{mark}", {"points": [[0, 0], [10, 10]]})
    reader.post_json(f"/images/1/annotations/{mark}", {"points": [[0, 0], [10, 10]]})

    with app.app_context():
        rows = db.session.scalars(select(Annotation).order_by(Annotation.id)).all()
    assert [(one.text, one.points[1]) for one in rows] == [
        ("", [400, 500]), ("two nuclei", [400, 500]), ("two nuclei", [10, 10])]


def test_the_same_drawing_sent_twice_is_one_drawing_of_its_reader(
        app: Flask, reader: Client, colleague: Client) -> None:
    """A script sends again what it had no answer to."""
    first = draw(reader)
    assert draw(reader)["mark"] == first["mark"]

    marks = {first["mark"], draw(colleague)["mark"], draw(reader, text="mitosis?")["mark"]}

    assert len(marks) == 3
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Annotation)) == 3


def test_what_was_removed_is_gone_from_the_page_and_kept_in_the_table(app: Flask, reader: Client) -> None:
    mark = draw(reader, text="a fold")["mark"]

    assert reader.post(f"/images/1/annotations/{mark}/remove").status_code == 303

    assert "a fold" not in reader.get("/images/1/slide").text
    assert reader.post(f"/images/1/annotations/{mark}/remove").status_code == 404
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Annotation)) == 2


@pytest.mark.parametrize("statement", [update(Annotation).values(text="other"), delete(Annotation)],
                         ids=["change", "delete"])
def test_the_database_refuses_to_change_rows(app: Flask, reader: Client, statement: Any) -> None:
    draw(reader)
    with app.app_context(), pytest.raises(DatabaseError):
        db.session.execute(statement)


def test_a_form_draws_too(reader: Client) -> None:
    answer = reader.post("/images/1/annotations", {"shape": "polygon", "points": "0,0 10,0 10,10", "text": "edge"})

    assert answer.status_code == 303
    assert "edge" in reader.get("/images/1/slide").text


@pytest.mark.parametrize(("shape", "points"), [
    ("box", "0,0"), ("point", "0,0 1,1"), ("polygon", "0,0 1,1"), ("point", "1501,5"), ("point", "somewhere"),
    ("box", "5,5 5,9"), ("star", "1,1"), ("point", "")])
def test_what_cannot_be_drawn_comes_back_with_what_was_typed(reader: Client, shape: str, points: str) -> None:
    answer = reader.post("/images/1/annotations", {"shape": shape, "points": points, "text": "kept words"})

    assert answer.status_code == 422
    assert "kept words" in answer.text


def test_a_form_that_was_open_too_long_comes_back_with_what_was_typed(reader: Client) -> None:
    typed = {"shape": "box", "points": "100,200 400,500", "text": "kept words", "csrf_token": "stale"}
    answer = reader.post_without_token("/images/1/annotations", typed)
    assert answer.status_code == 400
    assert all(words in answer.text for words in ("100,200 400,500", "kept words", "open too long"))


@pytest.mark.parametrize("said", [
    {"shape": "point", "points": "1,1"}, {"shape": "point", "points": [[1]]}, {"shape": "point", "points": [["a", 1]]},
    {"shape": "point", "points": [[True, 1]]}, {"shape": "point", "points": [[1, 1]], "text": "x" * 501},
    {"shape": "point", "points": [[1, 1]], "text": 7}, {"shape": [], "points": [[1, 1]]}, {}, []])
def test_a_script_is_told_why(reader: Client, said: Any) -> None:
    answer = reader.post_json("/images/1/annotations", said)

    assert answer.status_code == 422
    assert answer.get_json()["reason"]


def test_a_colleagues_drawing_is_seen_and_not_changed(reader: Client, colleague: Client) -> None:
    mark = draw(reader, text="mine")["mark"]

    assert "mine" in colleague.get("/images/1/slide").text
    assert colleague.post_json(f"/images/1/annotations/{mark}", {"text": "yours"}).status_code == 404
    assert colleague.post(f"/images/1/annotations/{mark}/remove").status_code == 404


def test_nobody_else_draws_on_it(reader: Client, login: Callable[..., Client]) -> None:
    other = login("stranger@clinic.example")

    assert other.post_json("/images/1/annotations", {"shape": "box", "points": BOX}).status_code == 404


def test_read_blind_a_colleagues_drawings_wait_for_the_own_reading(
        app: Flask, reader: Client, colleague: Client) -> None:
    draw(reader, text="look here")
    number = layered_reading(app, 1, blind=True)

    assert "look here" not in colleague.get("/images/1/slide").text
    assert features(colleague) == []
    assert len(features(reader)) == 1

    colleague.post(f"/predictions/{number}/review", {"verdict": "override", "label": "metastatic", "reason": "clear"})

    assert "look here" in colleague.get("/images/1/slide").text
    assert len(features(colleague)) == 1


def test_read_blind_without_any_reading_colleagues_drawings_stay_hidden(
        app: Flask, reader: Client, colleague: Client) -> None:
    draw(reader, text="look here")
    reader.post("/cases/1/blind/start")

    assert "look here" not in colleague.get("/images/1/slide").text


def test_qupath_is_given_closed_polygons_and_uuids(reader: Client) -> None:
    draw(reader, text="tumour")
    draw(reader, "point", [[7, 8]])
    draw(reader, "polygon", [[0, 0], [5, 0], [5, 5]])

    found = features(reader)

    assert [one["geometry"]["type"] for one in found] == ["Polygon", "Point", "Polygon"]
    assert found[0]["geometry"]["coordinates"] == [[[100, 200], [400, 200], [400, 500], [100, 500], [100, 200]]]
    assert found[0]["properties"]["objectType"] == "annotation"
    assert found[0]["properties"]["name"] == "tumour"
    assert len(found[0]["id"]) == 36


def test_a_box_is_cut_out_and_read(app: Flask, reader: Client) -> None:
    mark = draw(reader)["mark"]

    answer = reader.post("/images/1/cut", {"mark": mark, "model": "leukemia"})

    assert answer.status_code == 303
    with app.app_context():
        job = db.session.scalar(select(Job).where(Job.kind == "region-reading"))
        assert job is not None
        assert job.params == {"image": 1, "box": [100, 200, 300, 300], "model": "leukemia",
                              "version": app.extensions["engine"].spec("leukemia").version}


@pytest.mark.parametrize(("shape", "points", "model"), [
    ("point", [[5, 5]], "leukemia"), ("box", [[0, 0], [20, 20]], "leukemia"), ("box", BOX, "nonesuch")])
def test_what_cannot_be_cut_out_is_told(
        app: Flask, reader: Client, shape: str, points: Any, model: str) -> None:
    mark = draw(reader, shape, points)["mark"]

    page = reader.post("/images/1/cut", {"mark": mark, "model": model}, follow_redirects=True).text

    assert "Choose" in page
    with app.app_context():
        assert db.session.scalar(select(Job).where(Job.kind == "region-reading")) is None
