"""The catalogue as programs are told it."""

from __future__ import annotations

from flask import Flask

from tests.support.programs import Program


def test_the_catalogue_names_every_model_and_what_may_be_scored_by_hand(app: Flask, program: Program) -> None:
    rows = {one["key"]: one for one in program.get("/models").get_json()["models"]}
    assert set(rows) == {spec.key for spec in app.extensions["engine"].specs()}
    model = program.get("/models/er").get_json()
    spec = app.extensions["engine"].spec("er")
    assert [one["name"] for one in model["labels"]] == [one.name for one in spec.labels]
    assert model["weights_sha256"] == spec.weights_sha256
    assert rows["isight"]["demonstration"] is True
    assert rows["isight"]["demonstration_note"]
    assert rows["leukemia"]["demonstration"] is False
