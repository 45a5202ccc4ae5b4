"""Images that programs send, and the verdicts on them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.support import pictures
from tests.support.programs import Program, problem, said_by
from tests.web.test_images import only


def test_an_image_is_read_kept_and_answered_as_on_the_page(
        app: Flask, program: Program, case_id: int, scored: dict[str, Any]) -> None:
    again = program.upload(case_id, ("smear.png", pictures.smear()))
    assert again.status_code == 200
    assert only(again) == {**scored, "existing": True}
    prediction = said_by(app, scored["prediction"])
    assert (scored["label"], scored["scores"]) == (prediction.label, prediction.scores)
    case = program.get(f"/cases/{case_id}").get_json()
    assert [(one["id"], [line["id"] for line in one["predictions"]]) for one in case["images"]] == [
        (scored["image"], [scored["prediction"]])]
    file = program.get(f"/images/{scored['image']}/file")
    assert file.mimetype == "image/png"
    assert program.ask("GET", f"/images/{scored['image']}/file",
                       headers={"If-None-Match": file.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(("name", "data", "status"), [
    ("notes.jpg", b"just some text\n" * 40, 415), ("huge.png", pictures.huge_png(), 413),
    ("heavy.png", b"\x89PNG\r\n\x1a\n" + b"\0" * (4 * 2**20 + 1), 413),
    ("cut.jpg", pictures.smear(kind="JPEG")[:9000], 422)])
def test_a_file_that_cannot_be_read_is_a_problem_with_its_verdict(
        program: Program, case_id: int, name: str, data: bytes, status: int) -> None:
    told = problem(program.upload(case_id, (name, data)), status)
    assert [(one["file"], one["outcome"]) for one in told["files"]] == [(name, "error")]
    assert told["detail"] == told["files"][0]["reason"]


def test_of_several_files_each_has_its_verdict(program: Program, case_id: int) -> None:
    answer = program.upload(case_id, ("a.png", pictures.smear()), ("b.jpg", b"text"), ("c.png", pictures.blank()))
    assert answer.status_code == 200
    assert [one["outcome"] for one in answer.get_json()["files"]] == ["scored", "error", "refused"]


@pytest.mark.parametrize("fields", [{"model": "none"}, {"um_per_px": "wide"}, {"um_per_px": "-1"}])
def test_an_upload_that_breaks_a_rule_keeps_nothing(program: Program, case_id: int, fields: dict[str, str]) -> None:
    problem(program.upload(case_id, ("a.png", pictures.smear()), **fields), 422)
    assert program.get(f"/cases/{case_id}").get_json()["images"] == []


def test_an_upload_without_files_is_refused(program: Program, case_id: int) -> None:
    problem(program.upload(case_id), 422)


def test_a_large_body_is_only_read_for_whom_it_belongs_to(app: Flask, program: Program, case_id: int) -> None:
    """Without a token the answer comes before the body is looked at."""
    problem(Program(app, "sr_guess").upload(case_id, ("a.png", b"\0" * 3_000_000)), 401)
    assert problem(program.upload(case_id, ("a.png", b"\0" * 3_000_000)), 415)["files"]
