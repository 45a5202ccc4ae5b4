"""What is read blind is hidden from programs as well."""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import Flask

from portal.extensions import db
from portal.storage import access, work_items
from tests.support import pictures
from tests.support.programs import Program, listed, new_case, problem, said_by
from tests.web.test_images import only


def test_a_blind_reader_is_told_nothing_before_the_first_reading_and_all_after(app: Flask, program: Program) -> None:
    case_id = new_case(program, blind=True)
    verdict = only(program.upload(case_id, ("a.png", pictures.smear())))
    path = f"/predictions/{verdict['prediction']}"
    row = said_by(app, verdict["prediction"])
    hidden = program.get(path).get_json()
    assert (hidden["outcome"], hidden["label"], hidden["scores"], hidden["ms"]) == ("hidden", None, {}, None)
    assert (hidden["findings"], hidden["layers"], hidden["regions"], hidden["notes"]) == ([], [], [], [])
    told = [program.get(one).text for one in ("/predictions", path, f"/cases/{case_id}", "/cases", f"{path}/reviews")]
    for text in (*told, json.dumps(verdict)):
        assert f'"{row.label}"' not in text
        assert '"scored"' not in text
    assert listed(program, outcome="scored") == listed(program, outcome="refused") == []
    assert listed(program, outcome="hidden") == [row.id]
    problem(program.get(f"{path}/layers/heatmap.png"), 404)
    problem(program.post(f"{path}/reviews", {"verdict": "agree"}), 422)
    given = program.post(f"{path}/reviews", {"verdict": "override", "label": row.label})
    assert (given.get_json()["verdict"], given.get_json()["blind"]) == ("agree", True)
    assert program.get(path).get_json()["label"] == row.label
    assert listed(program, outcome="scored") == [row.id]
    assert program.get(f"{path}/layers/heatmap.png").status_code == 200


def test_what_a_colleague_read_is_hidden_too(app: Flask, program: Program, enter: Callable[..., Program]) -> None:
    case_id = new_case(program, blind=True)
    path = f"/predictions/{only(program.upload(case_id, ('a.png', pictures.smear())))['prediction']}"
    colleague = enter("two@clinic.example")
    with app.app_context():
        access.add_reader(case_id, 2, 1)
        work_items.add_for_reader(case_id, 2)
        db.session.commit()
    program.post(f"{path}/reviews", {"verdict": "cannot-judge", "reason": "out of focus"})
    assert colleague.get(f"{path}/reviews").get_json() == {"reviews": []}
    assert colleague.get(path).get_json()["outcome"] == "hidden"
    colleague.post(f"{path}/reviews", {"verdict": "cannot-judge"})
    assert [one["mine"] for one in colleague.get(f"{path}/reviews").get_json()["reviews"]] == [False, True]
