"""What a review stands for."""

from __future__ import annotations

import pytest

from portal.services.errors import BadReview
from portal.services.reviews import settle_label

LABELS = ("Benign", "Early", "Pre", "Pro")


def test_agreeing_takes_over_the_class_of_the_model() -> None:
    assert settle_label("scored", "Pre", LABELS, "agree", "", "") == "Pre"


def test_an_override_keeps_the_class_of_the_reader() -> None:
    assert settle_label("scored", "Pre", LABELS, "override", "Pro", "nucleoli") == "Pro"


def test_what_cannot_be_judged_has_no_class() -> None:
    assert settle_label("scored", "Pre", LABELS, "cannot-judge", "Pro", "") is None


def test_a_refused_image_can_be_read_by_hand_without_a_reason() -> None:
    assert settle_label("refused", None, LABELS, "override", "Early", "") == "Early"


@pytest.mark.parametrize(("outcome", "predicted", "verdict", "label", "reason"), [
    ("refused", None, "agree", "", ""),
    ("scored", "Pre", "override", "Pro", ""),
    ("scored", "Pre", "override", "Pre", "same"),
    ("scored", "Pre", "override", "Blast crisis", "not a class"),
    ("scored", "Pre", "override", "", "forgot"),
])
def test_a_review_that_contradicts_itself_is_refused(
        outcome: str, predicted: str | None, verdict: str, label: str, reason: str) -> None:
    with pytest.raises(BadReview):
        settle_label(outcome, predicted, LABELS, verdict, label, reason)
