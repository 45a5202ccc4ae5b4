"""Which reading counts, and whether it agrees with the model."""

from __future__ import annotations

import pytest

from portal.services.reports.agreement import agreement_of, agreement_on, counting, is_open, is_split
from tests.unit.services.reports.made_up import prediction, review


def test_of_each_reader_the_latest_reading_counts() -> None:
    given = [review(1, label="Pro"), review(2, reader_id=8), review(3, label="Early")]
    assert [one["id"] for one in counting(prediction(reviews=given))] == [2, 3]


@pytest.mark.parametrize(("said", "expected"), [
    ({"verdict": "agree"}, "agrees"),
    ({"verdict": "override", "label": "Early"}, "differs"),
    ({"verdict": "override", "label": "Pre", "scores": [["H-score", "120 of 300"]]}, "same class"),
    ({"verdict": "cannot-judge", "label": None}, "cannot judge"),
])
def test_a_reading_is_compared_with_the_models_answer(said: dict[str, object], expected: str) -> None:
    assert agreement_of(prediction(), review(**said)) == expected


@pytest.mark.parametrize("answer", [{"outcome": "refused", "label": None}, {"demonstration": "Fitted on nothing."}])
def test_without_an_answer_that_counts_a_reading_is_by_hand(answer: dict[str, object]) -> None:
    assert agreement_of(prediction(**answer), review(verdict="override", label="Pre")) == "by hand"


def test_scores_given_blind_that_are_the_models_own_agree() -> None:
    model = prediction(label=None, measures=[{"title": "Total", "text": "3.50 of 14", "meaning": ""}],
                       questions=[{"title": "Tissue", "answer": "tonsil", "left_out": 0, "bars": []}])
    same = review(verdict="override", label=None, scores=[["Total", "3.50 of 14"], ["Tissue", "tonsil"]])
    other = review(verdict="override", label=None, scores=[["Total", "3.50 of 14"], ["Tissue", "colon"]])
    assert (agreement_of(model, same), agreement_of(model, other)) == ("agrees", "differs")


def test_one_reader_who_differs_is_enough_for_the_summary() -> None:
    both = prediction(reviews=[review(1), review(2, reader_id=8, verdict="override", label="Pro")])
    assert (agreement_on(both), is_split(both)) == ("differs", True)
    assert (agreement_on(prediction(reviews=[review()])), is_split(prediction(reviews=[review()]))) == (
        "agrees", False)
    assert agreement_on(prediction()) == "not read"


def test_what_only_demonstrates_waits_for_nobody() -> None:
    assert is_open(prediction())
    assert is_open(prediction(outcome="refused", label=None))
    assert not is_open(prediction(demonstration="Fitted on nothing."))
    assert not is_open(prediction(reviews=[review()]))
