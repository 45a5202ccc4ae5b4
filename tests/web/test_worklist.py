"""The worklist: its order, its filters, its pages, what it keeps from a blind reader, and the way through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

import pytest
from flask import Flask

from portal.services import worklist
from tests.support.client import Client
from tests.support.worklists import add_case, add_result, add_review, reader_id

ROW = re.compile(r'<a class="row-link" href="[^"]*">[^<]*<span class="visually-hidden">, ([^<]*)</span>')
HREF = re.compile(r'href="([^"]*)"')


def names(page: str) -> list[str]:
    """The images of the rows, in order."""
    return ROW.findall(page)


def shown(client: Client, **filters: str) -> list[str]:
    return names(client.get(f"/?{urlencode(filters)}").text)


def link(page: str, attribute: str) -> str:
    """The address of the link that carries an attribute."""
    tag = next(one for one in re.findall(r"<a [^>]*>", page) if attribute in one)
    return HREF.search(tag)[1].replace("&amp;", "&")  # type: ignore[index]


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def me(app: Flask, reader: Client) -> int:
    return reader_id(app)


@pytest.fixture
def colleague(make_user: Callable[..., int]) -> int:
    return make_user("colleague@clinic.example")


def test_what_i_have_not_reviewed_comes_first_then_the_newest(
        app: Flask, reader: Client, me: int, colleague: int) -> None:
    case = add_case(app, me, shared_with=(colleague,))
    ids = {name: add_result(app, case, name) for name in ("a.png", "b.png", "c.png", "d.png")}
    add_review(app, ids["c.png"], me)
    add_review(app, ids["d.png"], colleague)
    assert shown(reader) == ["d.png", "b.png", "a.png", "c.png"]


def test_a_row_says_my_own_latest_reading_and_each_others_by_name(
        app: Flask, reader: Client, me: int, colleague: int) -> None:
    case = add_case(app, me, shared_with=(colleague,))
    one = add_result(app, case, "a.png")
    add_review(app, one, colleague, "override", "Early")
    page = reader.get("/").text
    assert "To review" in page
    assert "Colleague: read as Early" in page
    add_review(app, one, me, "cannot-judge")
    add_review(app, one, me, "override", "Pro")
    page = reader.get("/").text
    assert "Read as Pro" in page
    assert "Cannot be judged" not in page
    assert "Colleague: read as Early" in page


@pytest.fixture
def varied(app: Flask, reader: Client, me: int, colleague: int) -> Client:
    """Four results that differ in everything a filter asks for; the last one is of a shared case."""
    one = add_case(app, me, patient="P-apple", specimen="marrow", note="100% sure_thing")
    add_result(app, one, "first.png", at=datetime(2024, 5, 1, 23, 59, 59, 999999))
    add_result(app, one, "second.png", outcome="refused", at=datetime(2024, 5, 2))
    two = add_case(app, me, patient="P-pear", shared_with=(colleague,))
    reviewed = add_result(app, two, "third.png", model="pcam", label="metastatic", at=datetime(2024, 5, 3, 12))
    add_review(app, reviewed, me)
    add_review(app, add_result(app, two, "fourth.png", model="pcam", at=datetime(2024, 5, 4)), colleague)
    return reader


@pytest.mark.parametrize(("filters", "expected"), [
    ({"model": "pcam"}, ["fourth.png", "third.png"]),
    ({"model": "er"}, []),
    ({"outcome": "refused"}, ["second.png"]),
    ({"reviewed": "no"}, ["fourth.png", "second.png", "first.png"]),
    ({"reviewed": "yes"}, ["third.png"]),
    ({"since": "2024-05-02", "until": "2024-05-03"}, ["second.png", "third.png"]),
    ({"until": "2024-05-01"}, ["first.png"]),
    ({"since": "2030-01-01"}, []),
    ({"q": "APPLE"}, ["second.png", "first.png"]),
    ({"q": "marrow"}, ["second.png", "first.png"]),
    ({"q": "0% sure_t"}, ["second.png", "first.png"]),
    ({"q": "0_ sure"}, []),
    ({"q": "fourth"}, ["fourth.png"]),
    ({"q": "pear", "model": "pcam", "reviewed": "no"}, ["fourth.png"]),
])
def test_filters(varied: Client, filters: dict[str, str], expected: list[str]) -> None:
    assert shown(varied, **filters) == expected


@pytest.mark.parametrize("few", [1, 2000])
def test_a_text_is_found_alike_by_every_way_of_looking(
        varied: Client, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Within the first items, by the ids of what holds it, and one by one."""
    texts = ("apple", "png", "fourth", "first", "p-", "nowhere")
    expected = [shown(varied, q=text) for text in texts]
    monkeypatch.setattr("portal.storage.worklist.WINDOW", 1)
    monkeypatch.setattr("portal.storage.worklist.FEW", few)
    assert [shown(varied, q=text) for text in texts] == expected
    assert [len(one) for one in expected] == [2, 4, 1, 1, 4, 0]


def test_the_reader_filter_finds_what_a_colleague_has_read(varied: Client, colleague: int) -> None:
    assert shown(varied, reader=str(colleague)) == ["fourth.png"]
    assert f'<option value="{colleague}">Colleague</option>' in varied.get("/").text


def test_only_readers_who_share_something_are_offered(varied: Client, make_user: Callable[..., int]) -> None:
    stranger = make_user("stranger@clinic.example")
    assert "Stranger" not in varied.get("/").text
    assert len(shown(varied, reader=str(stranger))) == 4


@pytest.mark.parametrize("query", [
    "model=nonsense", "outcome=hidden", "reviewed=maybe", "reader=x", "since=yesterday", "after=w0", "after=x12",
    "after=w99999999999", "after=%F0%9F%98%80", "before=r", "after=w" + "9" * 40, "q=" + "a" * 5000, "after=w1%00"])
def test_what_makes_no_sense_hides_nothing_and_breaks_nothing(varied: Client, query: str) -> None:
    answer = varied.get(f"/?{query}")
    assert answer.status_code == 200
    assert len(names(answer.text)) == 4


def test_days_the_wrong_way_round_are_said_so(varied: Client) -> None:
    page = varied.get("/?since=2024-05-03&until=2024-05-01").text
    assert "lies before" in page
    assert names(page) == ["fourth.png", "third.png"]


def test_a_filter_in_use_is_shown_and_can_be_taken_away(varied: Client) -> None:
    page = varied.get("/?model=pcam&q=pear").text
    chips = [one.replace("&amp;", "&") for one in re.findall(r'class="chip" href="([^"]*)"', page)]
    assert chips == ["/?model=pcam", "/?q=pear"]


def test_nothing_that_fits_is_said_so(varied: Client) -> None:
    page = varied.get("/?q=nowhere").text
    assert "Nothing fits" in page
    assert "0 results" in page


def test_nobody_elses_results_are_listed(app: Flask, reader: Client, me: int, colleague: int) -> None:
    add_result(app, add_case(app, colleague, patient="P-theirs"), "theirs.png")
    assert shown(reader) == shown(reader, q="theirs") == []
    assert shown(reader, reader=str(colleague)) == []


@pytest.mark.parametrize("filters", [{"outcome": "scored"}, {"outcome": "refused"}, {"reader": "colleague"}])
def test_what_is_still_to_be_read_blind_matches_no_outcome_and_no_reader(
        app: Flask, reader: Client, me: int, colleague: int, filters: dict[str, str]) -> None:
    case = add_case(app, me, blind=True, shared_with=(colleague,))
    ids = [add_result(app, case, "a.png"), add_result(app, case, "b.png", outcome="refused")]
    for one in ids:
        add_review(app, one, colleague, "override", "Pro")
    if "reader" in filters:
        filters = {"reader": str(colleague)}
    page = reader.get("/").text
    assert "read as Pro" not in page
    assert page.count("Hidden until you read it") == 2
    assert shown(reader, **filters) == []
    for one in ids:
        add_review(app, one, me, "cannot-judge")
    assert shown(reader, **filters)
    assert "Colleague: read as Pro" in reader.get("/").text


@pytest.fixture
def many(app: Flask, reader: Client, me: int) -> list[str]:
    """60 results, every third reviewed; their names in the list's order."""
    case = add_case(app, me)
    ids = {f"image-{number:02}.png": add_result(app, case, f"image-{number:02}.png") for number in range(60)}
    reviewed = [name for number, name in enumerate(ids) if number % 3 == 0]
    for name in reviewed:
        add_review(app, ids[name], me)
    return [name for name in reversed(ids) if name not in reviewed] + reviewed[::-1]


@pytest.mark.parametrize("kept", ["", "model=leukemia", "q=image&outcome=scored", "since=2020-01-01"])
def test_pages_lead_through_the_whole_list_and_back(reader: Client, many: list[str], kept: str) -> None:
    page = reader.get(f"/?{kept}").text
    assert "60 results" in page
    pages = [names(page)]
    while 'rel="next"' in page:
        page = reader.get(link(page, 'rel="next"')).text
        pages.append(names(page))
    assert [name for one in pages for name in one] == many
    back = [names(page)]
    while 'rel="prev"' in page:
        address = link(page, 'rel="prev"')
        assert kept.partition("&")[0] in address
        page = reader.get(address).text
        back.append(names(page))
    assert back[::-1] == pages


def test_a_page_stays_where_it_is_when_something_new_comes(
        app: Flask, reader: Client, me: int, many: list[str]) -> None:
    second = link(reader.get("/").text, 'rel="next"')
    add_result(app, add_case(app, me), "new.png")
    assert names(reader.get(second).text) == many[25:50]


def test_a_long_list_is_not_counted_to_its_end(
        reader: Client, many: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "COUNTED", 50)
    assert "At least 50 results" in reader.get("/").text
    assert "20 results" in reader.get("/?reviewed=yes").text


# ---- from one item to the next ----


def opened(client: Client, name: str, query: str = "") -> str:
    """The address of an item's page, as the list links it."""
    page = client.get(f"/?{query}").text
    row = next(one for one in re.findall(r'<a class="row-link".*?</a>', page) if f", {name}<" in one)
    return HREF.search(row)[1].replace("&amp;", "&")  # type: ignore[index]


def heading(page: str) -> str:
    return re.search(r"<h1>(.*?)</h1>", page)[1]  # type: ignore[index]


@pytest.mark.parametrize("query", ["", "q=image", "model=leukemia&reviewed=no"])
def test_a_result_knows_its_neighbours_in_the_list_it_was_opened_from(
        reader: Client, many: list[str], query: str) -> None:
    page = reader.get(opened(reader, many[1], query)).text
    assert heading(reader.get(link(page, 'rel="prev"')).text) == many[0]
    after = reader.get(link(page, 'rel="next"')).text
    assert heading(after) == many[2]
    assert heading(reader.get(link(after, 'rel="next"')).text) == many[3]
    assert 'rel="prev"' not in reader.get(opened(reader, many[0], query)).text


def test_the_way_back_leads_to_the_same_stretch_of_the_same_list(reader: Client, many: list[str]) -> None:
    second = link(reader.get("/?model=leukemia").text, 'rel="next"')
    page = reader.get(opened(reader, many[30], second.partition("?")[2])).text
    assert re.search(r'href="/\?model=leukemia&amp;after=w\d+"', page)


def test_after_saving_the_next_one_that_waits_is_offered(reader: Client, many: list[str]) -> None:
    page = reader.get(opened(reader, many[1])).text
    form = re.search(r'action="(/predictions/[^"]*/review[^"]*)"', page)[1].replace("&amp;", "&")  # type: ignore[index]
    saved = reader.post(form, {"verdict": "cannot-judge"})
    assert saved.status_code == 303
    page = reader.get(saved.location).text
    assert "Next to read" in page
    assert heading(page) == many[1]
    assert heading(reader.get(link(page, 'rel="next"')).text) == many[2]
    assert heading(reader.get(link(page, 'rel="prev"')).text) == many[0]


def test_after_the_last_one_the_first_that_was_left_out_is_offered_and_then_none(
        app: Flask, reader: Client, me: int) -> None:
    case = add_case(app, me)
    for name in ("a.png", "b.png"):
        add_result(app, case, name)
    addresses = {name: opened(reader, name, "reviewed=no") for name in ("a.png", "b.png")}

    def save(name: str) -> str:
        path, _, query = addresses[name].partition("?")
        return reader.get(reader.post(f"{path}/review?{query}", {"verdict": "cannot-judge"}).location).text

    page = save("a.png")
    assert heading(reader.get(link(page, 'rel="next"')).text) == "b.png"
    page = save("b.png")
    assert "nothing else of your list waits" in page
    assert 'rel="next"' not in page


def test_a_review_that_fails_keeps_its_place(reader: Client, many: list[str]) -> None:
    path, _, query = opened(reader, many[1]).partition("?")
    answer = reader.post(f"{path}/review?{query}", {})
    assert answer.status_code == 400
    assert heading(reader.get(link(answer.text, 'rel="next"')).text) == many[2]


def test_a_result_that_was_opened_from_no_list_shows_none(reader: Client, many: list[str]) -> None:
    page = reader.get(opened(reader, many[1]).partition("?")[0]).text
    assert 'rel="next"' not in page


@pytest.mark.parametrize("carried", ["list=%F0%9F%98%80&place=nowhere", "list=model%3Dx%26after%3Dw0&place=reviewed",
                                     "list=" + "a" * 9000, "list=q%3D%2522%253E%253Cscript%253E"])
def test_a_list_that_makes_no_sense_breaks_no_page(reader: Client, many: list[str], carried: str) -> None:
    path = opened(reader, many[1]).partition("?")[0]
    answer = reader.get(f"{path}?{carried}")
    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_neighbours_of_a_blind_item_tell_no_outcome(app: Flask, reader: Client, me: int) -> None:
    seen = add_case(app, me)
    add_result(app, seen, "old.png")
    hidden = add_case(app, me, blind=True)
    veiled = add_result(app, hidden, "hidden.png")
    add_result(app, hidden, "also.png", outcome="refused")
    for outcome in ("scored", "refused"):
        page = reader.get(f"/predictions/{veiled}?list=outcome%3D{outcome}&place=waiting").text
        assert "also.png" not in page
