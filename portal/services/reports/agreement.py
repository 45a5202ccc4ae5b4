"""Which reading counts, and whether it agrees with the model: read from a report's content alone."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Literal

from portal.services.latest import latest_of_each

Agreement = Literal["agrees", "same class", "differs", "cannot judge", "by hand", "not read", "hidden"]


def counting(prediction: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each reader the latest review, in the order in which they were given."""
    return latest_of_each(prediction["reviews"], itemgetter("reader_id"))


def agreement_of(prediction: dict[str, Any], review: dict[str, Any]) -> Agreement:
    """How one review stands to the model's answer; "by hand" where there is no answer that counts."""
    if review["verdict"] == "cannot-judge":
        return "cannot judge"
    if prediction["outcome"] != "scored" or prediction["demonstration"]:
        return "by hand"
    if review["verdict"] == "agree" or _repeats(prediction, review):
        return "agrees"
    same = review["label"] is not None and review["label"] == prediction["label"]
    return "same class" if same else "differs"


def agreement_on(prediction: dict[str, Any]) -> Agreement:
    """How all the readings that count stand to the model's answer: the one farthest from it decides."""
    if prediction["outcome"] == "hidden":
        return "hidden"
    found = {agreement_of(prediction, one) for one in counting(prediction)}
    order: tuple[Agreement, ...] = ("differs", "cannot judge", "same class", "agrees", "by hand")
    return next((one for one in order if one in found), "not read")


def is_split(prediction: dict[str, Any]) -> bool:
    """Whether the readers do not say the same among themselves."""
    said = {(one["verdict"] == "cannot-judge", one["label"], str(one["scores"])) for one in counting(prediction)}
    return len(said) > 1


def is_open(prediction: dict[str, Any]) -> bool:
    """Whether a reader is still missing; an answer that only demonstrates needs none."""
    return not prediction["reviews"] and not prediction["demonstration"]


def _repeats(prediction: dict[str, Any], review: dict[str, Any]) -> bool:
    """Whether a reader who scored (blind, or by hand) wrote down just what the model gave."""
    said = {one["title"]: one["text"] for one in prediction.get("measures", ())}
    said.update({one["title"]: one["answer"] for one in prediction.get("questions", ())})
    return bool(review["scores"]) and all(said.get(title) == text for title, text in review["scores"])
