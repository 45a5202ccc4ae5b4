"""What changed between two contents, and what a change of words only is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from portal.services.reports.changes import Change, fingerprint, list_changes, outline_of
from portal.services.reports.snapshot import digest_of
from tests.unit.services.reports.made_up import MOMENT, Content, content, image, prediction, review


def changes(before: Content, after: Content) -> tuple[Change, ...]:
    return list_changes(outline_of(before), outline_of(after))


def signed() -> Content:
    return content(image(1, predictions=[prediction(1, reviews=[review(1)])]), image(2))


def test_the_same_case_has_not_changed() -> None:
    assert changes(signed(), signed()) == ()


def test_a_system_that_is_renamed_is_no_change_of_the_case() -> None:
    after = signed()
    after["portal"] = "10.0"
    after["images"][0]["predictions"][0].update(title="Leukaemia of tomorrow", meaning="Other words.", notes=["New."])
    assert changes(signed(), after) == ()


def test_a_content_without_its_evidence_is_enough() -> None:
    after = signed()
    for one in after["images"]:
        for said in one["predictions"]:
            for name in ("bars", "measures", "layers", "findings", "notes"):
                del said[name]
    assert changes(signed(), after) == ()


def add_image(after: Content) -> None:
    after["images"].append(image(3, added_by="Dr. New", predictions=[]))


def add_answer(after: Content) -> None:
    after["images"][1]["predictions"].append(prediction(9, model="er", version="2"))


def add_review(after: Content) -> None:
    after["images"][1]["predictions"][0]["reviews"].append(
        review(5, reader="Dr. Żółć", verdict="override", label="Pro"))


def other_specimen(after: Content) -> None:
    after["case"]["specimen"] = "bone marrow"


def other_pixel_size(after: Content) -> None:
    after["images"][0]["um_per_px"] = 0.25


@pytest.mark.parametrize(("change", "what", "by"), [
    (add_image, "Image field-3.png was added", "Dr. New"),
    (add_answer, "field-2.png was read by er 2", ""),
    (add_review, "field-2.png was reviewed (leukemia): Pro", "Dr. Żółć"),
    (other_specimen, "The specimen was “blood” and is now “bone marrow”", ""),
    (other_pixel_size, "field-1.png: the pixel size was “nothing” and is now “0.25”", ""),
])
def test_every_change_is_named_with_who_made_it(change: Callable[[Content], None], what: str, by: str) -> None:
    after = copy.deepcopy(signed())
    change(after)
    assert [(one.what, one.by) for one in changes(signed(), after)] == [(what, by)]


def test_a_long_note_does_not_fill_the_list() -> None:
    before, after = signed(), signed()
    after["case"]["note"] = "word " * 400
    only, = changes(before, after)
    assert len(only.what) < 400


@pytest.mark.parametrize("change", [add_image, add_answer, add_review, other_specimen, other_pixel_size])
def test_the_fingerprint_tells_every_change_and_every_signature(change: Callable[[Content], None]) -> None:
    before = fingerprint(outline_of(signed()), 0)
    after = copy.deepcopy(signed())
    assert fingerprint(outline_of(after), 0) == before
    assert fingerprint(outline_of(after), 1) != before
    change(after)
    assert fingerprint(outline_of(after), 0) != before


def test_the_hash_of_a_content_is_of_what_it_says_and_not_of_how_it_is_kept() -> None:
    def turned(value: Any) -> Any:
        """The same with every object's names in another order, as a database may give them back."""
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in reversed(value)}
        return [turned(one) for one in value] if isinstance(value, list) else value

    assert digest_of(turned(signed())) == digest_of(signed())
    other = signed()
    other["images"][0]["predictions"][0]["reviews"][0]["created_at"] = MOMENT.replace("04", "05", 1)
    assert digest_of(other) != digest_of(signed())
