"""Every page says whether it shows patient data: walks the whole url map, so that none is forgotten."""

from __future__ import annotations

from flask import Flask

from portal.views.shown import SHOWN, NoPatientData, Shows

OF_PATIENTS = ("case_id", "image_id", "prediction_id", "job_id")


def test_every_page_says_what_it_shows_and_none_is_named_that_is_not_there(app: Flask) -> None:
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert pages - SHOWN.keys() == set(), "say in views/shown.py whether these show patient data"
    assert SHOWN.keys() - pages == set()


def test_a_page_of_a_case_an_image_a_prediction_or_a_job_is_written_down(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and set(OF_PATIENTS) & rule.arguments:
            said = SHOWN[rule.endpoint]
            if isinstance(said, Shows):
                assert said.argument in rule.arguments, rule
                assert app.view_functions[rule.endpoint].shown is said  # type: ignore[attr-defined]
            else:
                assert "its service writes" in said.because, rule


def test_a_form_of_a_case_an_image_a_prediction_or_a_job_that_comes_back_is_written_down_too(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and set(OF_PATIENTS) & rule.arguments:
            said = app.view_functions[rule.endpoint].shown  # type: ignore[attr-defined]
            assert said.argument in rule.arguments, rule


def test_every_reason_is_one() -> None:
    assert all(said.because for said in SHOWN.values() if isinstance(said, NoPatientData))


def test_a_page_that_says_nothing_is_written_down_under_its_own_name(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        said = SHOWN.get(rule.endpoint)
        shown = getattr(app.view_functions[rule.endpoint], "shown", None)
        if "GET" in (rule.methods or ()):
            assert (shown is not None) == (not isinstance(said, NoPatientData)), rule
