"""The agreement page: right figures, nothing veiled in them, and honest words where they say little."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from portal.extensions import db
from portal.services.agreement import page as agreement_page
from portal.services.agreement.page import Agreement, Section
from portal.storage.agreement import ReadingFilter
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import now
from tests.support.client import Client
from tests.support.readings import DEMONSTRATION, Filler

BENIGN, EARLY, PRE, PRO = "Benign", "Early", "Pre", "Pro"
PANCREAS = {"architecture": 1.0, "atrophy": 0.5, "complexes": 0.25, "fibrosis": 2.0, "total": 3.75}


@pytest.fixture
def viewer(login: Callable[..., Client]) -> Client:
    return login("viewer@clinic.example")


@pytest.fixture
def fill(app: Flask, viewer: Client) -> Iterator[Filler]:
    with app.app_context():
        yield Filler()


@pytest.fixture
def me(fill: Filler) -> int:
    return db.session.query(User).filter_by(email="viewer@clinic.example").one().id


def described(app: Flask, reader: int, which: str = "latest", system: str = "", **wanted: object) -> Agreement:
    db.session.commit()
    chosen = ReadingFilter(blind=which == "blind", **wanted)  # type: ignore[arg-type]
    return agreement_page.describe(app.extensions["engine"], reader, system, which, chosen)  # type: ignore[arg-type]


def only(found: Agreement) -> Section:
    assert len(found.sections) == 1
    return found.sections[0]


def named(section: Section) -> dict[str, tuple[int, float | None]]:
    return {one.who: (one.images, one.kappa and round(one.kappa, 3)) for one in section.comparisons}


def test_a_reader_and_the_model_by_hand(app: Flask, viewer: Client, fill: Filler, me: int) -> None:
    """Twelve cases: nine read alike (5 Benign, 4 Pro), three Pro read as Benign."""
    for said, read in [(BENIGN, BENIGN)] * 5 + [(PRO, PRO)] * 4 + [(PRO, BENIGN)] * 3:
        fill.review(fill.prediction(fill.case(me), said), me, read)
    section = only(described(app, me))
    expected = (5 * 8 + 7 * 4) / 144
    assert named(section) == {"Viewer and the model": (12, round((9 / 12 - expected) / (1 - expected), 3))}
    compared = section.comparisons[0]
    assert (compared.same, compared.cases, compared.judged_not, compared.note) == (0.75, 12, 0, "")
    assert compared.low is not None
    assert compared.high is not None
    assert compared.low < 0.53 < compared.high
    assert [list(row) for row in compared.table] == [[5, 0, 0, 3], [0] * 4, [0] * 4, [0, 0, 0, 4]]
    shown = viewer.get("/agreement").text
    assert "<strong>0.53</strong>" in shown
    assert "75.0 %" in shown
    assert "unweighted" in shown


def test_two_readers_are_compared_with_each_other_and_three_by_fleiss(app: Flask, fill: Filler, me: int) -> None:
    two, three = fill.reader("Two"), fill.reader("Three")
    ids = [fill.prediction(fill.case(me, two, three), PRO) for _ in range(4)]
    for number, one in enumerate(ids):
        fill.review(one, me, BENIGN if number < 2 else PRO)
        fill.review(one, two, BENIGN if number < 3 else PRO)
    assert named(only(described(app, me)))["Two and Viewer"] == (4, 0.5)
    fill.review(ids[0], three, BENIGN)
    compared = only(described(app, me)).comparisons[0]
    # Agreement per image 1, 1, 0, 1; shares of Benign 1, 1, ½, 0.
    chance = (2.5 / 4) ** 2 + (1.5 / 4) ** 2
    assert (compared.who, compared.statistic) == ("All 3 readers", "Fleiss’ κ")
    assert compared.kappa == pytest.approx((0.75 - chance) / (1 - chance))
    assert compared.same == pytest.approx(0.75)


def test_only_the_latest_reading_counts_or_the_first_or_the_blind_one(app: Flask, fill: Filler, me: int) -> None:
    case = fill.case(me, blind=True)
    for said in (BENIGN, PRO):
        one = fill.prediction(case, said)
        fill.review(one, me, EARLY, blind=said == PRO)
        fill.review(one, me, said, verdict="agree")
    assert [(one.same, one.images) for one in only(described(app, me)).comparisons] == [(1.0, 2)]
    assert [(one.same, one.images) for one in only(described(app, me, "first")).comparisons] == [(0.0, 2)]
    assert [(one.same, one.images) for one in only(described(app, me, "blind")).comparisons] == [(0.0, 1)]


def test_cannot_be_judged_is_counted_beside(app: Flask, fill: Filler, me: int) -> None:
    case = fill.case(me)
    for verdict in ("agree", "cannot-judge", "agree"):
        fill.review(fill.prediction(case, PRO), me, PRO if verdict == "agree" else None, verdict=verdict)
    compared = only(described(app, me)).comparisons[0]
    assert (compared.images, compared.judged_not) == (2, 1)


def test_what_the_model_refused_is_compared_among_readers_only(app: Flask, fill: Filler, me: int) -> None:
    two = fill.reader("Two")
    one = fill.prediction(fill.case(me, two), None, outcome="refused")
    fill.review(one, me, PRO)
    fill.review(one, two, PRO)
    assert list(named(only(described(app, me)))) == ["Two and Viewer"]


def test_a_demonstration_is_never_compared_and_its_readers_are(
        app: Flask, viewer: Client, fill: Filler, me: int) -> None:
    two = fill.reader("Two")
    for number in range(4):
        one = fill.prediction(fill.case(me, two), None, model="pancreas", scores=PANCREAS,
                              demonstration=DEMONSTRATION)
        for reader, shift in ((me, 0.0), (two, 0.25)):
            fill.review(one, reader, None, scores={**PANCREAS, "architecture": number + shift * (number % 2)})
    found = described(app, me)
    assert all(one.kind == "pair" for section in found.sections for one in section.comparisons)
    architecture = found.sections[0]
    assert (architecture.title, architecture.ordered, len(architecture.classes)) == ("Architecture", True, 17)
    compared = architecture.comparisons[0]
    assert compared.same == 0.5
    assert compared.kappa is not None
    assert compared.kappa > 0.97
    assert [section.comparisons[0].kappa for section in found.sections[1:]] == [None] * 3
    shown = viewer.get("/agreement").text
    assert "Demonstration – its answers are compared with nobody" in shown
    assert "and the model" not in shown.partition("method-heading")[0]
    assert "Everything is in one class" in shown


def test_er_is_weighted_and_compared_in_groups(app: Flask, fill: Filler, me: int) -> None:
    said = {"h_score": 100.4, "percent_weak": 20.0}
    one = fill.prediction(fill.case(me), "positive", model="er", scores=said)
    fill.review(one, me, "positive", verdict="agree")
    other = fill.prediction(fill.case(me), "positive", model="er", scores={**said, "h_score": 200.5})
    fill.review(other, me, "negative", scores={**said, "h_score": 0.0})
    labels, groups = described(app, me).sections
    assert (labels.ordered, groups.ordered) == (True, True)
    assert groups.classes == ("0–50", "51–100", "101–200", "201–300")
    assert [list(row) for row in groups.comparisons[0].table] == [[0, 0, 0, 1], [0, 1, 0, 0], [0] * 4, [0] * 4]


def test_isight_compares_each_question(app: Flask, fill: Filler, me: int) -> None:
    two = fill.reader("Two")
    one = fill.prediction(fill.case(me, two), None, model="isight", demonstration=DEMONSTRATION)
    fill.review(one, me, None, scores={"intensity": "weak", "location": "nuclear"})
    fill.review(one, two, None, scores={"intensity": "strong", "location": "nuclear"})
    told = {one.title: (one.ordered, one.comparisons[0].same if one.comparisons else None)
            for one in described(app, me).sections}
    assert told["Staining intensity"] == (True, 0.0)
    assert told["Where in the cell"] == (False, 1.0)
    assert told["Tissue"] == (False, None)


def test_what_is_veiled_or_nobodys_business_is_in_no_figure(
        app: Flask, viewer: Client, fill: Filler, me: int) -> None:
    two = fill.reader("Two")
    hidden, foreign = fill.prediction(fill.case(two, me, blind=True), PRO), fill.prediction(fill.case(two), PRO)
    for one in (hidden, foreign):
        fill.review(one, two, PRO, blind=True)
    assert described(app, me).systems == ()
    assert "Two" not in viewer.get("/agreement").text
    assert described(app, two).readings == 2
    fill.review(hidden, me, BENIGN, blind=True)
    found = described(app, me)
    assert (found.images, found.readings, found.blind) == (1, 2, 2)
    assert sorted(named(only(found))) == ["Two and Viewer", "Two and the model", "Viewer and the model"]


def test_readings_are_chosen_by_their_day_and_system(app: Flask, viewer: Client, fill: Filler, me: int) -> None:
    today = now().date()
    case = fill.case(me)
    fill.review(fill.prediction(case, PRO), me, PRO, days_ago=40)
    fill.review(fill.prediction(case, PRO), me, BENIGN)
    fill.review(fill.prediction(case, "metastatic", model="pcam"), me, "metastatic")
    assert described(app, me, since=today).sections[0].comparisons[0].same == 0.0
    assert described(app, me, until=today - timedelta(days=1)).sections[0].comparisons[0].same == 1.0
    assert described(app, me).chosen == "leukemia:1"
    assert described(app, me, system="pcam:1").sections[0].classes == ("non-metastatic", "metastatic")
    for wrong in ("system=nothing:1", "readings=all", "since=yesterday", f"since={today}&until=2001-01-01", "since="):
        assert viewer.get(f"/agreement?{wrong}").status_code == 200, wrong


def test_few_images_and_few_cases_are_said(app: Flask, viewer: Client, fill: Filler, me: int) -> None:
    one_case = fill.case(me)
    for number in range(9):
        fill.review(fill.prediction(one_case, PRO), me, BENIGN if number % 2 else PRO)
    db.session.commit()
    assert "Fewer than 10 images" in viewer.get("/agreement").text
    fill.review(fill.prediction(one_case, BENIGN), me, BENIGN)
    db.session.commit()
    shown = viewer.get("/agreement").text
    assert "Fewer than 10 images" not in shown
    assert "Fewer than 10 cases" in shown
    assert "Too little varies for an interval" in shown


def test_the_page_says_what_unblinded_readings_are_worth(
        app: Flask, viewer: Client, fill: Filler, me: int) -> None:
    assert "No readings to compare" in viewer.get("/agreement").text
    fill.review(fill.prediction(fill.case(me), PRO), me, PRO, verdict="agree")
    db.session.commit()
    assert "agrees with it by design" in viewer.get("/agreement").text
    assert "agrees with it by design" not in viewer.get("/agreement?readings=blind").text


def test_every_plot_has_its_figures_in_words(viewer: Client, fill: Filler, me: int) -> None:
    for said, read in [(BENIGN, BENIGN)] * 6 + [(PRO, BENIGN)] * 6:
        fill.review(fill.prediction(fill.case(me), said), me, read)
    db.session.commit()
    shown = viewer.get("/agreement").text
    drawn = re.findall(r'class="matrix-number[^"]*"[^>]*>(\d+)<', shown)
    table = re.findall(r"<td>(\d+)</td>", shown.partition('class="plain-table"')[2])
    assert drawn == table == ["6", "0", "0", "6"] + ["0"] * 12
    assert 'role="img" aria-label="Viewer and the model: the same class in 50.0 %' in shown


def test_a_long_history_is_cut_at_its_newest_readings_and_says_so(
        app: Flask, viewer: Client, fill: Filler, me: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement_page, "MOST_READINGS", 3)
    for read in (BENIGN, PRO, PRO, PRO):
        fill.review(fill.prediction(fill.case(me), PRO), me, read)
    assert only(described(app, me)).comparisons[0].same == 1.0
    assert "Choose days to see earlier ones" in viewer.get("/agreement").text
