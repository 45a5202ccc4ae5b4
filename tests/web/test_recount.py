"""Nuclei counted again through the portal: the dropped-in system, as one whose scores are meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.services import blind
from portal.services.audit import Actor
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.readings import Prediction, Review
from tests.support import pictures
from tests.support.client import Client
from tests.support.dropped_in import drop_in, meant_rainbow
from tests.web.test_cases import open_case
from tests.web.test_drafts import share
from tests.web.test_images import only, upload

SMALL = pictures.encode(draw_smear(3)[:200, :240])


@pytest.fixture
def reader(app: Flask, tmp_path: Path, login: Callable[..., Client]) -> Client:
    drop_in(app, tmp_path / "dropped-in", meant_rainbow(tmp_path))
    return login()


@pytest.fixture
def read(reader: Client) -> str:
    """The address of an image that was scored, with two cold nuclei and a hot one."""
    return str(only(upload(reader, open_case(reader), ("colours.png", SMALL), model="rainbow"))["url"])


def recount(client: Client, url: str, corrections: Any) -> Any:
    return client.post_json(f"{url}/recount", {"corrections": corrections})


def review(client: Client, url: str, corrections: Any, **fields: str) -> Any:
    typed = {"verdict": "override", "reason": "seen so", "score_warm": "3", "score_cool": "1"}
    return client.post(f"{url}/review", {**typed, "corrections": json.dumps(corrections), **fields})


def only_review(app: Flask) -> Review:
    return db.session.query(Review).one()


def test_the_nuclei_come_with_their_classes_and_colours(reader: Client, read: str) -> None:
    assert reader.get(f"{read}/nuclei.json").get_json() == {
        "classes": [{"name": "cold", "colour": "#009fff"}, {"name": "hot", "colour": "#ffd800"}],
        "nuclei": [[12, 12, 0], [14, 14, 0], [15, 25, 1]]}


def test_what_follows_comes_at_once_and_nothing_is_kept(app: Flask, reader: Client, read: str) -> None:
    said = recount(reader, read, [[0, "hot"], [1, None]]).get_json()
    assert said["counts"] == {"cold": 0, "hot": 2}
    assert (said["label"], said["numbers"]) == ("dull", {"warm": 0.5, "cool": 0.0})
    assert ["Colour sum", "0.50 of 5"] in said["lines"]
    assert said["notes"] == ["A note that follows from the sum."]
    with app.app_context():
        assert db.session.query(Review).count() == 0


def test_no_nucleus_left_is_said_in_the_systems_own_words(reader: Client, read: str) -> None:
    answer = recount(reader, read, [[number, None] for number in range(3)])
    assert (answer.status_code, answer.get_json()["reason"]) == (422, "Count at least one colour.")


@pytest.mark.parametrize("sent", [[[9, "hot"]], [[0, "warmish"]], [[0, []]], [7], [[None, None]]])
def test_what_is_no_recount_is_refused(reader: Client, read: str, sent: Any) -> None:
    assert recount(reader, read, sent).status_code == 422
    assert review(reader, read, sent).status_code == 400


@pytest.mark.parametrize("sent", ["", "[", '{"0": "hot"}', "[" * 5000, '"hot"'])
def test_a_broken_field_comes_back_as_a_form(reader: Client, read: str, sent: str) -> None:
    answer = reader.post(f"{read}/review", {"verdict": "override", "reason": "x", "corrections": sent})
    assert answer.status_code == 400


def test_a_recount_is_kept_with_what_follows_and_the_models_row_stays(app: Flask, reader: Client, read: str) -> None:
    assert review(reader, read, [[0, "hot"], [2, "hot"]], score_shade="dark").status_code == 303
    with app.app_context():
        kept = only_review(app)
        assert kept.corrections == [[0, "hot"]]
        assert kept.scores == {"warm": 0.5, "cool": 0.25, "sum": 0.75, "shade": "dark"}
        assert kept.label == "dull"
        said = db.session.query(Prediction).one()
        assert (said.label, said.scores["warm"]) == ("bright", 2.25)
        assert said.evidence is not None
        assert said.evidence["nuclei"][0] == [12, 12, "cold"]
    page = reader.get(read).text
    assert "Nuclei counted again: 1 from cold to hot." in page
    assert "A note that follows from the sum." in page
    assert "Go on from my last count" in page


def test_a_recount_that_changes_nothing_is_none(app: Flask, reader: Client, read: str) -> None:
    assert review(reader, read, [[0, "cold"]]).status_code == 303
    with app.app_context():
        assert (only_review(app).corrections, only_review(app).scores["warm"]) == (None, 3)  # type: ignore[index]


def test_a_recount_overrides_and_so_needs_a_reason(reader: Client, read: str) -> None:
    answer = review(reader, read, [[0, "hot"]], reason="")
    assert answer.status_code == 400
    assert "1 nucleus changed on the image" in answer.text


@pytest.mark.parametrize("verdict", ["agree", "cannot-judge"])
def test_who_does_not_override_has_counted_nothing(app: Flask, reader: Client, read: str, verdict: str) -> None:
    assert review(reader, read, [[0, "hot"]], verdict=verdict).status_code == 303
    with app.app_context():
        assert only_review(app).corrections is None


def test_nothing_is_given_away_before_a_blind_reading(app: Flask, reader: Client) -> None:
    with app.app_context():
        blind.choose_policy(Actor(), "default")
    url = only(upload(reader, open_case(reader), ("colours.png", SMALL), model="rainbow"))["url"]
    assert reader.get(f"{url}/nuclei.json").status_code == 404
    assert recount(reader, url, []).status_code == 404
    assert review(reader, url, [[0, "hot"]]).status_code == 400
    page = reader.get(url).text
    assert "data-recount" not in page
    assert "I read it differently" not in page
    assert not any(f'value="{number}"' in page for number in ("2.25", "1.5"))
    reader.post(f"{url}/review", {"verdict": "override", "score_warm": "1", "score_cool": "0"})
    page = reader.get(url).text
    assert "Read blind" in page
    assert "Coloured like bright" in page
    assert reader.get(f"{url}/nuclei.json").status_code == 200


def test_the_nuclei_of_a_demonstration_are_not_started_from(
        app: Flask, tmp_path: Path, login: Callable[..., Client]) -> None:
    drop_in(app, tmp_path / "dropped-in")
    reader = login()
    url = only(upload(reader, open_case(reader), ("colours.png", SMALL), model="rainbow"))["url"]
    assert reader.get(f"{url}/nuclei.json").status_code == 404
    assert review(reader, url, [[0, "hot"]]).status_code == 400
    assert "data-recount" not in reader.get(url).text


def test_others_and_systems_without_nuclei_have_none(
        reader: Client, read: str, login: Callable[..., Client]) -> None:
    stranger = login("stranger@clinic.example")
    assert stranger.get(f"{read}/nuclei.json").status_code == 404
    assert recount(stranger, read, []).status_code == 404
    smear = only(upload(reader, open_case(reader), ("smear.png", pictures.smear())))["url"]
    assert reader.get(f"{smear}/nuclei.json").status_code == 404
    assert review(reader, smear, [[0, "hot"]], label="Pro").status_code in (303, 400)


def test_each_later_reading_says_what_it_changed_and_so_does_the_audit_trail(
        app: Flask, reader: Client, read: str) -> None:
    review(reader, read, [], score_warm="1")
    assert "review-changes" not in reader.get(read).text
    review(reader, read, [], score_warm="1.5", reason="second look")
    reader.post(f"{read}/review", {"verdict": "cannot-judge"})
    page = " ".join(reader.get(read).text.split())
    assert '<th scope="row">Warm part</th><td>1.00 points of 4</td><td>1.50 points of 4</td>' in page
    assert '<th scope="row">Reading</th><td>own reading</td><td>cannot be judged</td>' in page
    with app.app_context():
        events = [one.details for one in db.session.query(AuditEvent).filter_by(action="review.create")
                  .order_by(AuditEvent.id)]
    assert events[0]["old"] is None
    assert "Warm part: 1.00 points of 4" in events[1]["old"]
    assert "Warm part: 1.50 points of 4" in events[1]["new"]
    assert events[1]["new"] == events[2]["old"]
    assert events[2]["new"] == "Reading: cannot be judged"


def test_what_a_colleague_said_is_not_what_this_reader_changed(
        app: Flask, reader: Client, read: str, login: Callable[..., Client]) -> None:
    review(reader, read, [], score_warm="1")
    colleague = login("colleague@clinic.example")
    with app.app_context():
        case_id = db.session.query(Prediction).one().image.case_id
    share(app, case_id, "colleague@clinic.example")
    review(colleague, read, [], score_warm="1.5")
    assert "review-changes" not in reader.get(read).text
