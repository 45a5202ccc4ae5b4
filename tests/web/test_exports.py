"""The history as files: what is in them, for whom, and that nothing in them runs or tells too early."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select

from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.services import blind
from portal.services.audit import Actor
from portal.services.exports import history
from portal.storage import access, exports, work_items
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.readings import Prediction, Review
from tests.support import pictures
from tests.support.client import Client
from tests.support.dropped_in import drop_in
from tests.support.reviewed import Ward
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

FORMATS = ("csv", "jsonl", "xlsx")


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def colleague(login: Callable[..., Client]) -> Client:
    return login("colleague@clinic.example")


def table(client: Client, query: str = "") -> list[dict[str, str]]:
    """The CSV as a program reads it."""
    return list(csv.DictReader(io.StringIO(client.get(f"/cases/export.csv{query}").data.decode("utf-8-sig"))))


def objects(client: Client, query: str = "") -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.get(f"/cases/export.jsonl{query}").data.splitlines()]


def sheet(client: Client, query: str = "") -> list[dict[str, Any]]:
    book = load_workbook(io.BytesIO(client.get(f"/cases/export.xlsx{query}").data), read_only=True)
    names, *rows = book["History"].iter_rows(values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def smear(client: Client, case_id: int, seed: int = 1, name: str = "one.png", **answer: Any) -> int:
    """An image that a system is said to have read."""
    scores = {"Benign": 0.0123456789012345, "Early": 0.1, "Pre": 0.75, "Pro": 0.1376543210987655}
    held = {"model": "leukemia", "label": "Pre", "scores": scores, **answer}
    return Ward(client.app).image(case_id, bytes([seed]), name=name, **held)


def review(client: Client, prediction_id: int, **form: str) -> None:
    assert client.post(f"/predictions/{prediction_id}/review", form).status_code == 303


def share(app: Flask, case_id: int, email: str) -> None:
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == email)).one()
        access.add_reader(case_id, user.id, user.id)
        work_items.add_for_reader(case_id, user.id)
        db.session.commit()


def said_by_the_model(app: Flask, prediction_id: int) -> Prediction:
    with app.app_context():
        return db.session.get_one(Prediction, prediction_id)


def test_every_format_tells_the_same(app: Flask, reader: Client) -> None:
    case_id = open_case(reader, patient="P-Ünal-漢")
    first, second = smear(reader, case_id), smear(reader, case_id, 2, "zwei.png")
    review(reader, second, verdict="override", label="Benign", reason="large; round")
    said = said_by_the_model(app, first)
    one, other = table(reader)
    assert (one["patient"], one["file"], one["system"], one["outcome"], one["label"], one["demonstration"]) == (
        "P-Ünal-漢", "one.png", "leukemia", "scored", said.label, "no")
    assert {key: float(one[f"leukemia.{key}"]) for key in said.scores} == said.scores
    assert one["made_at"].endswith("+00:00")
    assert (one["reviewer"], other["reviewer"], other["verdict"]) == ("", "Reader", "override")
    assert (other["review_label"], other["review_reason"], other["blind"]) == ("Benign", "large; round", "no")
    for row, cells in zip((one, other), sheet(reader), strict=True):
        assert list(row) == list(cells)
        for name, cell in cells.items():
            assert row[name] == str(cell or "") or float(row[name]) == pytest.approx(cell)
    nested = objects(reader)
    assert (nested[0]["scores"], nested[0]["reviews"]) == (said.scores, [])
    assert nested[1]["reviews"][0]["label"] == "Benign"


def test_numbers_stay_numbers_in_a_workbook(app: Flask, reader: Client) -> None:
    said = said_by_the_model(app, smear(reader, open_case(reader)))
    row = sheet(reader)[0]
    assert row["case"] == 1
    assert {key: row[f"leukemia.{key}"] for key in said.scores} == pytest.approx(said.scores)
    assert len(re.findall(r"<f>|<f ", reader.get("/cases/export.xlsx").data.decode("latin-1"))) == 0


def test_no_text_is_run_as_a_formula(reader: Client) -> None:
    case_id = open_case(reader, patient='=HYPERLINK("x")', specimen="+1")
    prediction = smear(reader, case_id, name="@SUM(A1).png")
    review(reader, prediction, verdict="cannot-judge", reason="-2+3\n=cmd")
    for row in (table(reader)[0], sheet(reader)[0]):
        assert (row["patient"], row["specimen"], row["file"]) == ("'=HYPERLINK(\"x\")", "'+1", "'@SUM(A1).png")
        assert row["review_reason"].splitlines() == ["'-2+3", "'=cmd"]
    book = load_workbook(io.BytesIO(reader.get("/cases/export.xlsx").data))
    assert {cell.data_type for row in book["History"] for cell in row} <= {"s", "n", "inlineStr"}
    assert objects(reader)[0]["patient"] == '=HYPERLINK("x")'


def test_the_file_is_rfc_4180_in_utf_8(reader: Client) -> None:
    smear(reader, open_case(reader, specimen='a "quoted", and\tbroken'))
    answer = reader.get("/cases/export.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    text = answer.data.decode("utf-8-sig")
    assert text.count("\r\n") == 2
    assert text.replace("\r\n", "").count("\n") == 0
    assert '"a ""quoted"", and\tbroken"' in text


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_says_nothing_in_its_name_and_is_not_kept_by_a_browser(reader: Client, form: str) -> None:
    open_case(reader, patient="P-0117")
    answer = reader.get(f"/cases/export.{form}?q=P-0117")
    assert re.fullmatch(rf'attachment; filename="?secondread-history-\d{{4}}-\d\d-\d\d\.{form}"?',
                        answer.headers["Content-Disposition"])
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("form", FORMATS)
def test_every_export_is_recorded_without_what_was_searched_for(app: Flask, reader: Client, form: str) -> None:
    reader.get(f"/cases/export.{form}?q=P-0117&outcome=refused&reviews=all")
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "history.export")).one()
        assert event.details["format"] == form
        assert event.details["reviews"] == "all"
        assert event.details["filters"] == {"text": True, "outcome": "refused"}


def test_an_empty_history_is_a_table_without_rows(reader: Client) -> None:
    assert (table(reader), objects(reader), sheet(reader)) == ([], [], [])
    assert "Export" not in reader.get("/cases").text


def test_the_filters_are_those_of_the_list(reader: Client) -> None:
    apple, pear = open_case(reader, patient="P-apple"), open_case(reader, patient="P-pear")
    smear(reader, apple)
    smear(reader, pear, outcome="refused", label=None, scores={}, reason="Too blurred.")
    for query, patients in (("?q=apple", ["P-apple"]), ("?outcome=refused", ["P-pear"]), ("?until=2020-01-01", []),
                            ("?since=2020-01-01", ["P-apple", "P-pear"]), ("?q=nothing", [])):
        assert [row["patient"] for row in table(reader, query)] == patients
        assert [row["patient"] for row in objects(reader, query)] == patients
        assert re.findall(r'row-link" href="[^"]*">([^<]*)', reader.get(f"/cases{query}").text) == patients[::-1]


def test_the_panel_keeps_the_filters_and_says_how_many_there_are(
        reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = open_case(reader, patient="P-apple")
    smear(reader, case_id)
    smear(reader, case_id, 2, "two.png")
    smear(reader, open_case(reader, patient="P-pear"))
    page = reader.get("/cases?q=apple").text
    assert "in the cases that fit these filters, on all pages." in page
    for form in FORMATS:
        assert f'href="/cases/export.{form}?q=apple"' in page
    assert "Your whole history: 3 answers." in reader.get("/cases").text
    monkeypatch.setattr(history, "COUNTED", 2)
    assert "Your whole history: more than 2 answers." in reader.get("/cases").text


def test_nobody_elses_cases_are_in_it(reader: Client, colleague: Client) -> None:
    smear(reader, open_case(reader))
    assert (table(colleague), objects(colleague), sheet(colleague)) == ([], [], [])


def test_a_shared_case_is_in_it_and_a_row_more_for_every_reader(
        app: Flask, reader: Client, colleague: Client) -> None:
    case_id = open_case(reader)
    prediction = smear(reader, case_id)
    share(app, case_id, "colleague@clinic.example")
    for label in ("Benign", "Early", "Pro", "Pre"):
        if label != said_by_the_model(app, prediction).label:
            review(reader, prediction, verdict="override", label=label, reason=label)
            last = label
    review(colleague, prediction, verdict="cannot-judge")
    for client in (reader, colleague):
        assert [(row["reviewer"], row["review_label"]) for row in table(client)] == [("Reader", last),
                                                                                     ("Colleague", "")]
        every = table(client, "?reviews=all")
        assert [row["reviewer"] for row in every] == ["Reader"] * 3 + ["Colleague"]
        assert len({row["prediction"] for row in every}) == 1
        assert len(objects(client)[0]["reviews"]) == 2
        assert len(objects(client, "?reviews=all")[0]["reviews"]) == 4


def test_what_is_veiled_is_told_by_no_cell(app: Flask, reader: Client, colleague: Client, tmp_path: Path) -> None:
    drop_in(app, tmp_path / "dropped-in")
    with app.app_context():
        blind.choose_policy(Actor(), "always")
    case_id = open_case(reader)
    prediction = smear(reader, case_id)
    smear(reader, case_id, 2, model="rainbow", label="bright", scores={"sum": 3.5}, demonstration="Made up.")
    smear(reader, case_id, 3, model="rainbow", outcome="refused", label=None, scores={}, reason="Too small.")
    share(app, case_id, "colleague@clinic.example")
    review(reader, prediction, verdict="override", label="Pro")
    mine, veiled = (lines(table(client)) for client in (reader, colleague))
    assert mine[prediction]["outcome"] == "scored"
    assert [row["outcome"] for row in veiled.values()] == ["hidden"] * 3
    for row in veiled.values():
        told = {name for name, cell in row.items() if cell and (name.startswith(("leukemia.", "rainbow.", "review"))
                                                                or name in ("reason", "label", "verdict", "blind"))}
        assert told == set()
    # Of a refused image nothing says that it was refused: not even that its scores would have been a demonstration.
    assert len({row["demonstration"] for row in veiled.values() if row["system"] == "rainbow"}) == 1
    assert {row["outcome"] for row in sheet(colleague)} == {"hidden"}
    for one in objects(colleague):
        assert (one["outcome"], one["reason"], one["label"], one["scores"], one["findings"], one["ms"],
                one["reviews"]) == ("hidden", "", None, {}, [], None, [])
    review(colleague, prediction, verdict="cannot-judge")
    assert [row["outcome"] for row in table(colleague)] == ["scored"] * 2 + ["hidden"] * 2


def lines(rows: list[dict[str, str]]) -> dict[int, dict[str, str]]:
    return {int(row["prediction"]): row for row in rows}


def test_every_kind_of_score_has_its_column_and_a_demonstration_its_mark(
        app: Flask, reader: Client, tmp_path: Path) -> None:
    drop_in(app, tmp_path / "dropped-in")
    case_id = open_case(reader)
    small = pictures.encode(draw_smear(3)[:200, :240])
    verdict = only(upload(reader, case_id, ("small.png", small), model="rainbow"))
    review(reader, verdict["prediction"], verdict="override", score_warm="1.25", score_cool="0.5", score_shade="dark")
    smear(reader, case_id)
    row, other = table(reader)
    assert {name: cell for name, cell in row.items() if name.startswith("rainbow.")} == {
        "rainbow.sum": "3.75", "rainbow.warm": "2.25", "rainbow.cool": "1.5", "rainbow.shade": "medium",
        "rainbow.shade.probability": "0.7", "rainbow.smell": "", "rainbow.smell.probability": "",
        "rainbow.dominant": "hot"}
    assert {name: cell for name, cell in row.items() if name.startswith("review.")} == {
        "review.rainbow.sum": "1.75", "review.rainbow.warm": "1.25", "review.rainbow.cool": "0.5",
        "review.rainbow.shade": "dark", "review.rainbow.smell": ""}
    assert (row["demonstration"], other["demonstration"]) == ("yes", "no")
    assert (other["rainbow.sum"], row["leukemia.Pro"]) == ("", "")
    one = objects(reader)[0]
    assert (one["demonstration"], "made-up" in one["demonstration_note"]) == (True, True)
    assert one["scores"]["shade"] == {"light": 0.1, "medium": 0.7, "dark": 0.2}


def test_pieces_of_any_size_leave_nothing_out(
        reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    predictions = [smear(reader, case_id, seed, f"{seed}.png") for case_id in [open_case(reader) for _ in range(3)]
                   for seed in (1, 2, 3)]
    monkeypatch.setattr(exports, "CASES_AT_ONCE", 2)
    monkeypatch.setattr(exports, "IMAGES_AT_ONCE", 2)
    assert [int(row["prediction"]) for row in table(reader)] == predictions


def test_a_reader_who_goes_away_leaves_nothing_open(app: Flask, reader: Client) -> None:
    """The download is broken off after its first piece; afterwards the portal writes as before."""
    case_id = open_case(reader)
    smear(reader, case_id)
    answer = reader._client.get("/cases/export.csv", buffered=False)
    next(answer.response)  # type: ignore[call-overload]
    answer.close()
    with app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert smear(reader, case_id, 2, "two.png")


def test_an_export_ends_with_what_there_was_when_it_began(app: Flask, reader: Client) -> None:
    with app.app_context():
        assert exports.last_answer() == 0
    first = smear(reader, open_case(reader))
    with app.app_context():
        wanted = exports.CaseFilter()
        reader_id = db.session.scalars(select(User.id)).one()
        last = exports.last_answer()
        begun = exports.walk_answers(reader_id, wanted, last)
    smear(reader, open_case(reader), 2)
    with app.app_context():
        assert [one.id for one in begun] == [first]
        assert db.session.scalars(select(Review)).all() == []
