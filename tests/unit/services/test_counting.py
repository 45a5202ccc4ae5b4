"""Nuclei counted again: the system's own count gives its own scores, and moving one moves exactly one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring.ihc import INTENSITIES, Counts, category, comments, scores
from models.spec import Nucleus, Recount
from models.zoo.er import SPEC
from portal.services.counting import MOST, count, follow, settle_corrections, told
from portal.services.errors import BadReview

assert SPEC.recount
RECOUNT: Recount = SPEC.recount
kinds = st.sampled_from(INTENSITIES)
fields = st.lists(kinds, min_size=1, max_size=60).map(
    lambda drawn: [Nucleus(x=number, y=0, label=kind) for number, kind in enumerate(drawn)])


def corrections_of(nuclei: list[Nucleus]) -> st.SearchStrategy[list[list[Any]]]:
    one = st.tuples(st.integers(0, len(nuclei) - 1), st.none() | kinds).map(list)
    return st.lists(one, max_size=40)


corrected = fields.flatmap(lambda nuclei: st.tuples(st.just(nuclei), corrections_of(nuclei)))


def test_the_classes_of_the_recount_are_those_that_the_system_counts() -> None:
    assert tuple(one.label for one in RECOUNT.classes) == INTENSITIES


@given(fields)
def test_counting_nothing_again_gives_the_systems_own_scores(nuclei: list[Nucleus]) -> None:
    counts = Counts(**Counter(one.label for one in nuclei))
    reading = follow(RECOUNT, count(RECOUNT, nuclei, settle_corrections(RECOUNT, nuclei, [])))
    assert reading.label == category(counts)
    assert {name: reading.scores[name] for name in scores(counts)} == scores(counts)
    assert reading.notes[:-1] == comments(counts)


@given(corrected)
def test_what_follows_is_what_the_rules_say_of_the_nuclei_as_the_reader_sees_them(
        given_: tuple[list[Nucleus], list[list[Any]]]) -> None:
    nuclei, corrections = given_
    seen: list[str | None] = [one.label for one in nuclei]
    for number, kind in corrections:
        seen[number] = kind
    left = Counter(one for one in seen if one)
    counted = count(RECOUNT, nuclei, settle_corrections(RECOUNT, nuclei, corrections))
    assert {name: number for name, number in counted.items() if number} == left
    if not left:
        with pytest.raises(BadReview, match="at least one"):
            follow(RECOUNT, counted)
        return
    reading = follow(RECOUNT, counted)
    weighted = left["weak"] + 2 * left["moderate"] + 3 * left["strong"]
    assert reading.scores["h_score"] == pytest.approx(100 * weighted / left.total())
    assert reading.scores["nuclei"] == left.total()
    assert reading.label == category(Counts(**left))


@given(fields, kinds)
def test_one_nucleus_put_elsewhere_is_one_count_moved(nuclei: list[Nucleus], kind: Any) -> None:
    before = Counts(**count(RECOUNT, nuclei, []))
    after = Counts(**count(RECOUNT, nuclei, settle_corrections(RECOUNT, nuclei, [[0, kind]])))
    assert after == before.moved(nuclei[0].label, kind)  # type: ignore[arg-type]


@given(corrected)
def test_what_is_kept_changes_something_and_nothing_twice(given_: tuple[list[Nucleus], list[list[Any]]]) -> None:
    nuclei, corrections = given_
    settled = settle_corrections(RECOUNT, nuclei, corrections)
    numbers = [number for number, _kind in settled]
    assert numbers == sorted(set(numbers))
    assert all(nuclei[number].label != kind for number, kind in settled)
    assert sum(int(line.split()[0]) for line in told(nuclei, settled)) == len(settled)


@pytest.mark.parametrize("wrong", [
    [[3, "weak"]], [[-1, "weak"]], [[True, "weak"]], [["0", "weak"]], [[0, "purple"]], [[0]], [0], ["weak"],
    [[0, ["weak"]]], [[0, {}]], [[0.0, "weak"]], [None], [[0, "weak"]] * (MOST + 1)])
def test_what_is_no_correction_is_refused(wrong: list[Any]) -> None:
    nuclei = [Nucleus(x=1, y=1, label="strong")] * 3
    with pytest.raises(BadReview):
        settle_corrections(RECOUNT, nuclei, wrong)
