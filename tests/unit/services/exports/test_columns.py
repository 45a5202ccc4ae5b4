"""The columns of the history: stable names, a place for every score, none for what does not occur."""

from __future__ import annotations

from dataclasses import replace

from models.spec import Label, Measure, ModelSpec, Question, Reading, unserved_spec
from portal.services.exports.columns import ANSWER, REVIEW, columns_of

LABELS = (Label(name="low", meaning=""), Label(name="high", meaning=""))
TYPED = (Measure(key="first", title="First", most=4, step=0.25), Measure(key="total", title="Total"))


def made(key: str, **changes: object) -> ModelSpec:
    return replace(unserved_spec(key, "1"), **changes)  # type: ignore[arg-type]


def test_a_class_has_its_probability_and_nothing_to_type() -> None:
    columns = columns_of([made("classes", labels=LABELS)], [], [])
    assert (columns.said, columns.read) == (("classes.low", "classes.high"), ())


def test_a_class_that_follows_has_no_probability() -> None:
    spec = made("follows", labels=LABELS, measures=TYPED, follow=lambda typed: Reading(outcome="scored"))
    columns = columns_of([spec], [], [])
    assert columns.said == columns.read == ("follows.first", "follows.total")


def test_a_question_has_an_answer_and_its_probability_by_hand_only_an_answer() -> None:
    columns = columns_of([made("asks", questions=(Question(key="shade", title="", options=("a", "b")),))], [], [])
    assert (columns.said, columns.read) == (("asks.shade", "asks.shade.probability"), ("asks.shade",))


def test_what_occurs_undeclared_stands_with_its_system_and_last() -> None:
    one, other = made("one", measures=TYPED), made("other", labels=LABELS)
    columns = columns_of([one, other], {"one.extra", "one.first", "other.odd"}, {"one.typed"})
    assert columns.said == ("one.first", "one.total", "one.extra", "other.low", "other.high", "other.odd")
    assert columns.read == ("one.first", "one.total", "one.typed")


def test_versions_of_one_system_share_their_columns() -> None:
    columns = columns_of([made("one", labels=LABELS), made("one", labels=LABELS[:1], version="2")], [], [])
    assert columns.said == ("one.low", "one.high")


def test_scores_are_placed_under_their_names_and_nowhere_else() -> None:
    columns = columns_of([made("one", measures=TYPED), made("one-more", measures=TYPED)], [], [])
    assert columns.scores("one-more", {"first": 2.5, "unknown": 1}) == [None, None, 2.5, None]
    assert columns.readings("one", {"total": 3}) == [None, 3, None, None]
    assert len(columns.names) == len(ANSWER) + 4 + len(REVIEW) + 4
    assert len(set(columns.names)) == len(columns.names)
