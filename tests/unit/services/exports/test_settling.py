"""What an image is taken to show: all readers say the same, or a signature decides, or it is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spec import Label, Measure, ModelSpec, Question, Reading, unserved_spec
from portal.services.exports.settling import CANNOT_JUDGE, DISAGREE, DRAWN, NOTHING, UNFINISHED, Settled, settle
from portal.services.exports.tables import row_of, table_of
from portal.services.exports.training import bucket_of, buckets_of
from portal.storage.exports import Said
from portal.storage.reviewed import Opinion, Reviewed

AT = datetime(2026, 11, 21, 8, 0)
LABELS = (Label(name="low", meaning=""), Label(name="high", meaning=""))
FIRST = Measure(key="first", title="First", most=4, step=0.25)
SHADE = Question(key="shade", title="Shade", options=("light", "dark"))
MODEL = {"low": 0.3, "high": 0.7}


def made(**changes: object) -> ModelSpec:
    return replace(unserved_spec("made-up", "1"), **changes)  # type: ignore[arg-type]


CLASSES = made(labels=LABELS)


def follow(typed: Mapping[str, float]) -> Reading:
    return Reading(outcome="scored", label="high", scores=typed)


def said(number: int, reader: int, verdict: str, label: str | None = None, scores: dict[str, Any] | None = None,
         model: Mapping[str, Any] = MODEL) -> Opinion:
    """A review an hour after the one before; `agree` keeps the label that the model gave."""
    review = Said(id=number, reader_id=reader, reader="", verdict=verdict, scores=scores, corrections=None, reason="",
                  label="high" if verdict == "agree" else label, blind=False, created_at=AT + timedelta(hours=number))
    return Opinion(review=review, prediction_id=1, outcome="scored", label="high", scores=dict(model))


def image(*opinions: Opinion, **changes: object) -> Reviewed:
    held = Reviewed(image_id=1, sha256="ab", name="one.png", stored_as="", serial="", um_per_px=None, owner_id=1,
                    patient="P", unfinished=False, signed=None, opinions=opinions)
    return replace(held, **changes)  # type: ignore[arg-type]


def label_of(settled: Settled | str) -> str | None:
    return settled if isinstance(settled, str) else settled.label


@pytest.mark.parametrize(("opinions", "outcome"), [
    ([said(1, 1, "agree")], "high"),
    ([said(1, 1, "override", "low")], "low"),
    ([said(1, 1, "override", "low"), said(2, 1, "agree")], "high"),
    ([said(1, 1, "agree"), said(2, 2, "override", "high")], "high"),
    ([said(1, 1, "agree"), said(2, 2, "override", "low")], DISAGREE),
    ([said(1, 1, "agree"), said(2, 2, "override", "low"), said(3, 2, "agree")], "high"),
    ([said(1, 1, "cannot-judge")], CANNOT_JUDGE),
    ([said(1, 1, "cannot-judge"), said(2, 2, "cannot-judge")], CANNOT_JUDGE),
    ([said(1, 1, "cannot-judge"), said(2, 2, "agree")], DISAGREE)])
def test_the_latest_of_each_reader_counts_and_all_must_say_the_same(opinions: list[Opinion], outcome: str) -> None:
    assert label_of(settle(CLASSES, [image(*opinions)])) == outcome


def test_of_readers_who_say_the_same_the_newest_review_is_taken() -> None:
    settled = settle(CLASSES, [image(said(1, 1, "agree"), said(2, 2, "agree"), said(3, 1, "agree"))])
    assert not isinstance(settled, str)
    assert settled.opinion.review.id == 3


@pytest.mark.parametrize(("signer", "hours", "outcome"), [
    (1, 3, "high"), (2, 3, "low"), (2, 1, DISAGREE), (9, 3, DISAGREE)])
def test_who_signs_after_all_reviews_decides(signer: int, hours: int, outcome: str) -> None:
    opinions = said(1, 1, "agree"), said(2, 2, "override", "low")
    one = image(*opinions, signed=(signer, AT + timedelta(hours=hours)))
    assert label_of(settle(CLASSES, [one])) == outcome


def test_what_is_read_blind_waits_for_every_reader() -> None:
    assert settle(CLASSES, [image(said(1, 1, "agree"), unfinished=True)]) == UNFINISHED


def test_a_drawn_sample_is_no_patients_image() -> None:
    assert settle(CLASSES, [image(said(1, 1, "agree"), name="secondread-drawn-1.png")]) == DRAWN


def test_the_same_picture_in_two_cases_is_read_as_one() -> None:
    assert label_of(settle(CLASSES, [image(said(1, 1, "agree")), image(said(2, 2, "agree"))])) == "high"
    assert settle(CLASSES, [image(said(1, 1, "agree")), image(said(2, 2, "override", "low"))]) == DISAGREE
    assert settle(CLASSES, [image(said(1, 1, "agree")), image(said(2, 2, "agree"), unfinished=True)]) == UNFINISHED


def test_agreeing_with_scores_takes_them_at_their_steps() -> None:
    spec = made(measures=(FIRST,), follow=follow)
    agreed = said(1, 1, "agree", model={"first": 2.26})
    typed = said(2, 2, "override", scores={"first": 2.25}, model={"first": 2.26})
    settled = settle(spec, [image(agreed, typed)])
    assert isinstance(settled, Settled)
    assert settled.numbers == {"first": 2.25}
    assert settle(spec, [image(agreed, replace(typed, review=replace(typed.review, scores={"first": 2.5})))]
                  ) == DISAGREE


def test_agreeing_with_answers_takes_the_likeliest() -> None:
    spec = made(questions=(SHADE,))
    settled = settle(spec, [image(said(1, 1, "agree", model={"shade": {"light": 0.2, "dark": 0.8}}))])
    assert isinstance(settled, Settled)
    assert settled.answers == {"shade": "dark"}
    assert settle(spec, [image(said(1, 1, "agree", model={"shade": None}))]) == NOTHING


def test_a_review_without_the_scores_that_are_asked_for_is_left_out() -> None:
    assert settle(made(measures=(FIRST,)), [image(said(1, 1, "agree", model={}))]) == NOTHING
    assert settle(CLASSES, [image(said(1, 1, "override", "gone"))]) == NOTHING


@pytest.mark.parametrize(("spec", "name", "columns"), [
    (CLASSES, "labels.csv", ("file", "label", "group", "um_per_px")),
    (made(measures=(FIRST, Measure(key="total", title="")), follow=follow), "scores.csv",
     ("file", "first", "serial", "group")),
    (made(questions=(SHADE,)), "answers.csv", ("file", "shade", "group")),
    (made(labels=LABELS, measures=(FIRST,), follow=follow), "readings.csv",
     ("file", "first", "label", "group", "um_per_px")),
    (made(labels=LABELS, measures=(Measure(key="tiles", title=""),)), "labels.csv",
     ("file", "label", "group", "um_per_px"))])
def test_the_table_follows_from_the_words_of_the_system(
        spec: ModelSpec, name: str, columns: tuple[str, ...]) -> None:
    kind = table_of(spec)
    assert (kind.name, kind.columns) == (name, columns)


def test_a_row_stands_under_its_columns() -> None:
    settled = settle(CLASSES, [image(said(1, 1, "agree"))])
    assert isinstance(settled, Settled)
    beside = {"file": "1-ab.png", "group": "p1", "um_per_px": None, "serial": "=1"}
    assert row_of(table_of(CLASSES), settled, beside) == ["1-ab.png", "high", "p1", None]


@given(st.floats(0, 4), st.floats(0.5, 500))
def test_every_score_lies_in_one_bucket(value: float, most: float) -> None:
    measure = Measure(key="m", title="", most=most, step=0.25)
    assert bucket_of(measure, min(value, most)) in buckets_of(measure)


def test_buckets_are_points_and_the_last_holds_the_most() -> None:
    assert buckets_of(FIRST) == ["0 to below 1", "1 to below 2", "2 to below 3", "3 to 4"]
    assert [bucket_of(FIRST, value) for value in (0, 0.75, 1, 4)] == [
        "0 to below 1", "0 to below 1", "1 to below 2", "3 to 4"]
    assert buckets_of(Measure(key="p", title="", most=100, step=0.1))[0] == "0 to below 25"
