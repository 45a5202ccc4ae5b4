"""Training sets: which images are in them, for whom, and that `fit` can read what was unpacked."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from models.training.er.table import read_table as read_er_table
from models.training.pancreas.table import read_table
from models.training.protocol.table import TableError
from portal.extensions import db
from portal.storage.tables.administration import AuditEvent
from tests.support.client import Client
from tests.support.reviewed import Ward

ANNA, BERT, CHIEF = "anna@clinic.example", "bert@clinic.example", "chief@clinic.example"
PANCREAS = {"architecture": 2.25, "atrophy": 1.5, "complexes": 0.75, "fibrosis": 3.0}
ER = {"percent_weak": 10.0, "percent_moderate": 20.5, "percent_strong": 30.0, "nuclei": 3}


@pytest.fixture
def anna(login: Callable[..., Client]) -> Client:
    return login(ANNA)


@pytest.fixture
def bert(login: Callable[..., Client]) -> Client:
    return login(BERT)


@pytest.fixture
def ward(app: Flask, anna: Client, bert: Client) -> Ward:
    return Ward(app)


def unpacked(client: Client, key: str) -> dict[str, bytes]:
    """The files of the ZIP by their name in its one folder."""
    answer = client.get(f"/training-sets/{key}.zip")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        folder, = {name.partition("/")[0] for name in archive.namelist()}
        assert re.fullmatch(rf"secondread-{key}-\d{{4}}-\d\d-\d\d", folder)
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode("utf-8"))))


def section(page: str, key: str) -> str:
    """The page's part on one system, as words."""
    part = page.partition(f'id="set-{key}"')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", part).split())


def test_classes_become_labels(ward: Ward, anna: Client) -> None:
    case = ward.case(ANNA, patient="P-0117")
    agreed = ward.image(case, b"agreed", "leukemia", label="Pro", um_per_px=0.25, name="Smith, John.png")
    ward.review(agreed, ANNA)
    refused = ward.image(ward.case(ANNA, patient="P-0118"), b"refused", "leukemia", outcome="refused")
    ward.review(refused, ANNA, "override", label="Early")
    ward.review(ward.image(case, b"not", "leukemia", label="Pre"), ANNA, "cannot-judge")
    ward.image(case, b"unread", "leukemia", label="Pre")
    files = unpacked(anna, "leukemia")
    rows = {row["label"]: row for row in table(files, "labels.csv")}
    assert list(rows["Pro"]) == ["file", "label", "group", "um_per_px"]
    assert (rows["Pro"]["um_per_px"], rows["Early"]["um_per_px"]) == ("0.25", "")
    assert files[rows["Pro"]["file"]] == b"agreed"
    assert re.fullmatch(r"\d+-[0-9a-f]{8}\.png", rows["Pro"]["file"])
    assert {rows["Pro"]["group"], rows["Early"]["group"]} == {"p1", "p2"}
    assert set(files) == {"labels.csv", "README.txt", rows["Pro"]["file"], rows["Early"]["file"]}
    everything = b"".join([*files.values(), *(name.encode() for name in files)])
    assert b"Smith" not in everything
    assert b"P-011" not in everything
    part = section(anna.get("/training-sets").text, "leukemia")
    assert "2 images with labels.csv" in part
    assert "Early 1 Pre 0 Pro 1" in part
    assert "1 Cannot be judged" in part


def test_one_patient_of_one_owner_is_one_group(ward: Ward, anna: Client, bert: Client) -> None:
    for number, (reader, patient) in enumerate(((ANNA, "P-1"), (ANNA, " p-1"), (ANNA, "P-2"), (BERT, "P-1"))):
        case = ward.case(reader, ANNA, patient=patient) if reader == BERT else ward.case(reader, patient=patient)
        ward.review(ward.image(case, bytes([number]), "pcam", label="metastatic", um_per_px=number + 0.5), ANNA)
    groups = {row["um_per_px"]: row["group"] for row in table(unpacked(anna, "pcam"), "labels.csv")}
    assert groups["0.5"] == groups["1.5"]
    assert len(set(groups.values())) == 3


def test_a_clinician_gets_their_own_cases_and_an_administrator_all(
        ward: Ward, anna: Client, bert: Client, login: Callable[..., Client]) -> None:
    ward.review(ward.image(ward.case(ANNA), b"one", "leukemia", label="Pro"), ANNA)
    ward.review(ward.image(ward.case(BERT), b"two", "leukemia", label="Pre"), BERT)
    chief = login(CHIEF, "admin")
    for client, labels in ((anna, {"Pro"}), (bert, {"Pre"}), (chief, {"Pro", "Pre"})):
        assert {row["label"] for row in table(unpacked(client, "leukemia"), "labels.csv")} == labels
        assert f"{len(labels)} image" in section(client.get("/training-sets").text, "leukemia")
    with ward.app.app_context():
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "training-set.export")).all()
        assert [(one.subject, one.details["cases"]) for one in events] == [
            ("model:leukemia", "own"), ("model:leukemia", "own"), ("model:leukemia", "all")]


def test_members_of_a_family_are_one_system(ward: Ward, anna: Client) -> None:
    case = ward.case(ANNA)
    ward.review(ward.image(case, b"one", "leukemia", label="Pro"), ANNA)
    ward.review(ward.image(case, b"two", "leukemia-xception-bigru", label="Pre"), ANNA)
    assert len(table(unpacked(anna, "leukemia"), "labels.csv")) == 2
    assert anna.get("/training-sets/leukemia-xception-bigru.zip").status_code == 404
    assert anna.get("/training-sets/nothing.zip").status_code == 404


def test_what_is_left_out_and_why(ward: Ward, anna: Client) -> None:
    case, hidden = ward.case(ANNA, BERT), ward.case(ANNA, BERT, blind=True)
    disagreed = ward.image(case, b"one", "leukemia", label="Pro")
    ward.review(disagreed, ANNA)
    ward.review(disagreed, BERT, "override", label="Benign")
    blind = ward.image(hidden, b"two", "leukemia", label="Pro")
    ward.review(blind, ANNA, "override", label="Pre", blind=True)
    ward.review(ward.image(case, b"three", "leukemia", label="Pro", name="secondread-drawn-1.png"), ANNA)
    for content in (b"four", b"four with metadata"):
        ward.review(ward.image(case, content, "leukemia", label="Pro", kept=b"four"), ANNA)
    part = section(anna.get("/training-sets").text, "leukemia")
    for words in ("1 Readers disagree", "1 Read blind, and not yet by every reader", "1 Drawn samples"):
        assert words in part
    files = unpacked(anna, "leukemia")
    assert len(table(files, "labels.csv")) == 1
    told = files["README.txt"].decode()
    for words in ("Readers disagree", "Read blind", "Drawn samples", "The same picture as another one here"):
        assert re.search(rf"^ +1  {words}", told, re.MULTILINE), words
    ward.review(blind, BERT, "override", label="Pre", blind=True)
    assert {row["label"] for row in table(unpacked(anna, "leukemia"), "labels.csv")} == {"Pro", "Pre"}


def test_a_signature_after_the_last_review_decides(ward: Ward, anna: Client) -> None:
    case = ward.case(ANNA, BERT)
    disagreed = ward.image(case, b"one", "leukemia", label="Pro")
    ward.review(disagreed, ANNA)
    ward.review(disagreed, BERT, "override", label="Benign")
    ward.sign(case, BERT)
    assert [row["label"] for row in table(unpacked(anna, "leukemia"), "labels.csv")] == ["Benign"]


def test_pancreas_is_unpacked_into_a_folder_that_fit_reads(ward: Ward, anna: Client, tmp_path: Path) -> None:
    for number in range(3):
        scores = {**PANCREAS, "fibrosis": float(number)}
        one = ward.image(ward.case(ANNA, patient=f"P-{number}"), bytes([number]), "pancreas", serial=f"S-1-0{number}",
                         demonstration="Only a demonstration.", scores=PANCREAS)
        ward.review(one, ANNA, "override", scores={**scores, "total": sum(scores.values())})
    files = unpacked(anna, "pancreas")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert list(table(files, "scores.csv")[0]) == ["file", *PANCREAS, "serial", "group"]
    found = read_table(tmp_path)
    assert {one.scores for one in found} == {(2.25, 1.5, 0.75, float(number)) for number in range(3)}
    assert len({one.group for one in found}) == 3
    part = section(anna.get("/training-sets").text, "pancreas")
    assert "Fibrosis 0 to below 1 1 1 to below 2 1 2 to below 3 1 3 to 4 0" in part
    assert "Demonstration" in part


def test_questions_become_answers(ward: Ward, anna: Client) -> None:
    one = ward.image(ward.case(ANNA), b"one", "isight", scores={"intensity": {"weak": 0.9}})
    ward.review(one, ANNA, "override", scores={"intensity": "strong", "quantity": ">75%"})
    row, = table(unpacked(anna, "isight"), "answers.csv")
    assert {key: row[key] for key in ("intensity", "location", "quantity", "tissue", "malignancy", "group")} == {
        "intensity": "strong", "location": "", "quantity": ">75%", "tissue": "", "malignancy": "", "group": "p1"}
    assert "python -m models.training fit isight reads." in section(anna.get("/training-sets").text, "isight")


def test_counts_become_readings_and_corrected_nuclei_a_table_of_their_own(
        ward: Ward, anna: Client, tmp_path: Path) -> None:
    said: dict[str, Any] = {"label": "positive", "scores": {**ER, "h_score": 141.0},
                            "evidence": {"nuclei": [[1, 2, "weak"], [3, 4, "weak"], [5, 6, "strong"], [7, 8, "weak"]]}}
    case = ward.case(ANNA)
    ward.review(ward.image(case, b"one", "er", um_per_px=0.3, **said), ANNA)
    corrected = ward.image(case, b"two", "er", **said)
    ward.review(corrected, ANNA, "override", label="positive", scores={**ER, "percent_weak": 5.5},
                corrections=[[1, "strong"], [3, None], [9, "weak"]], reason="one more")
    files = unpacked(anna, "er")
    rows = {row["percent_weak"]: row for row in table(files, "readings.csv")}
    assert list(rows["10.0"]) == ["file", "percent_weak", "percent_moderate", "percent_strong", "nuclei", "label",
                                  "group", "um_per_px"]
    nuclei = table(files, "nuclei.csv")
    assert {row["file"] for row in nuclei} == {rows["5.5"]["file"]}
    assert [(row["x"], row["y"], row["class"]) for row in nuclei] == [
        ("1", "2", "weak"), ("3", "4", "strong"), ("5", "6", "strong")]
    part = section(anna.get("/training-sets").text, "er")
    assert "python -m models.training fit er reads. It learns from those in which a reader corrected nuclei: 1" in part
    told = " ".join(files["README.txt"].decode().split())
    assert "`python -m models.training fit er` reads this folder." in told
    assert "`fit` learns from the images with nuclei alone" in told
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match="There are 1 images whose nuclei a reader corrected; at least 30"):
        read_er_table(tmp_path)


def test_a_lost_file_is_said_and_stops_nothing(ward: Ward, anna: Client) -> None:
    case = ward.case(ANNA)
    for content in (b"one", b"two"):
        ward.review(ward.image(case, content, "leukemia", label="Pro"), ANNA)
    lost = next(path for path in ward.app.extensions["settings"].files.rglob("*.png") if path.read_bytes() == b"one")
    lost.unlink()
    files = unpacked(anna, "leukemia")
    assert [files[row["file"]] for row in table(files, "labels.csv")] == [b"two"]
    assert "missing from the portal" in files["README.txt"].decode()


def test_nothing_reviewed_is_said_and_offers_nothing(anna: Client) -> None:
    page = anna.get("/training-sets").text
    assert "No image of this system has been reviewed yet." in page
    assert ".zip" not in page
