"""Cases: opened, listed, searched, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.client import Client
from tests.support.statements import statements
from tests.support.worklists import add_case, add_result, add_review, reader_id


def open_case(client: Client, patient: str = "P-0117", specimen: str = "peripheral blood", note: str = "") -> int:
    answer = client.post("/cases/new", {"patient": patient, "specimen": specimen, "note": note})
    assert answer.status_code == 303
    return int(answer.location.rpartition("/")[2])


def test_a_new_case_is_found_again(login: Callable[..., Client]) -> None:
    reader = login()
    case_id = open_case(reader, patient="P-Ünal-漢", note="second visit")
    page = reader.get(f"/cases/{case_id}").text
    assert "P-Ünal-漢" in page
    assert "second visit" in page
    assert "P-Ünal-漢" in reader.get("/cases").text


def test_the_page_of_a_case_asks_for_its_images_once_however_many_they_are(
        app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    me, asked = reader_id(app), []
    case = add_case(app, me)
    for number in range(6):
        add_review(app, add_result(app, case, f"{number}.png"), me)
        if number in (0, 5):
            reader.get(f"/cases/{case}")  # Of several looks within a quarter of an hour the audit holds the first.
            with app.app_context(), statements() as one_page:
                reader.get(f"/cases/{case}")
            asked.append(one_page)
    assert [sum("FROM images" in statement for statement, _values in one) for one in asked] == [1, 1]
    assert len(asked[0]) == len(asked[1])


@pytest.mark.parametrize("missing", ["patient", "specimen"])
def test_a_case_that_lacks_something_shows_what_was_typed(login: Callable[..., Client], missing: str) -> None:
    form = {"patient": "P-0117", "specimen": "bone marrow", "note": "typed at 3 o'clock", missing: " "}
    answer = login().post("/cases/new", form)
    assert answer.status_code == 400
    assert "typed at 3 o&#39;clock" in answer.text


def test_a_form_whose_token_is_too_old_comes_back_with_what_was_typed(login: Callable[..., Client]) -> None:
    answer = login().post_without_token("/cases/new", {"patient": "P-0117", "specimen": "blood", "note": "kept",
                                                       "csrf_token": "stale"})
    assert answer.status_code == 400
    assert "P-0117" in answer.text
    assert "kept" in answer.text
    assert "open too long" in answer.text


def test_somebody_elses_case_does_not_exist(login: Callable[..., Client]) -> None:
    case_id = open_case(login("one@clinic.example"))
    other = login("two@clinic.example")
    assert other.get(f"/cases/{case_id}").status_code == 404
    assert other.post(f"/cases/{case_id}/images", {}).status_code == 404
    assert "P-0117" not in other.get("/cases").text


def test_an_administrator_sees_no_clinicians_case(login: Callable[..., Client]) -> None:
    case_id = open_case(login("one@clinic.example"))
    assert login("chief@clinic.example", "admin").get(f"/cases/{case_id}").status_code == 404


def test_the_history_is_searched_by_text(login: Callable[..., Client]) -> None:
    reader = login()
    open_case(reader, patient="P-apple", note="one")
    open_case(reader, patient="P-pear", note="100% sure_thing")
    assert "P-pear" not in reader.get("/cases?q=apple").text
    assert "P-apple" not in reader.get("/cases?q=100%25+sure_").text
    assert "P-pear" in reader.get("/cases?q=100%25+sure_").text


def test_the_history_is_filtered_by_day(login: Callable[..., Client]) -> None:
    reader = login()
    open_case(reader)
    assert "P-0117" not in reader.get("/cases?until=2020-01-01").text
    assert "P-0117" in reader.get("/cases?since=2020-01-01").text
    assert "P-0117" in reader.get("/cases?until=9999-12-31").text


def test_a_date_that_is_none_is_said_so_and_breaks_nothing(login: Callable[..., Client]) -> None:
    assert login().get("/cases?since=yesterday").status_code == 200


def test_days_the_wrong_way_round_are_said_so_and_hide_nothing(login: Callable[..., Client]) -> None:
    reader = login()
    open_case(reader)
    page = reader.get("/cases?since=2020-02-02&until=2020-02-01").text
    assert "lies before" in page
    assert "P-0117" in page


def test_the_history_has_pages(login: Callable[..., Client]) -> None:
    reader = login()
    for number in range(26):
        open_case(reader, patient=f"P-number-{number:02}")
    assert "P-number-25" in reader.get("/cases").text
    assert "P-number-00" not in reader.get("/cases").text
    assert "P-number-00" in reader.get("/cases?page=2").text
    assert reader.get(f"/cases?page={10**30}").status_code == 200
    assert reader.get("/cases?page=-1").status_code == 200
    assert "P-number-00" in reader.get("/cases?page=99").text


def test_a_number_that_no_database_holds_is_simply_not_there(login: Callable[..., Client]) -> None:
    assert login().get(f"/cases/{10**30}").status_code == 404


def test_script_in_a_field_is_shown_as_text(login: Callable[..., Client]) -> None:
    reader = login()
    case_id = open_case(reader, patient="<script>alert(1)</script>")
    assert "<script>alert(1)" not in reader.get(f"/cases/{case_id}").text
