"""What a reader's later reading changed of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.spec import ModelSpec
from portal.services.scores import lines_of
from portal.storage.tables.readings import Prediction, Review

VERDICTS = {"agree": "agrees with the model", "override": "own reading", "cannot-judge": "cannot be judged"}
NOTHING = "–"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that was said otherwise before."""

    name: str
    old: str
    new: str


def stands_for(spec: ModelSpec, prediction: Prediction, review: Review) -> dict[str, str]:
    """All that a review says, by name; who agrees says what the model said."""
    scores = prediction.scores if review.verdict == "agree" else review.scores or {}
    said = {"Reading": VERDICTS[review.verdict]}
    if review.label:
        said["Class"] = review.label
    return {**said, **dict(lines_of(spec, scores))}


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Name by name, in the order of the later one; what only one of them has stands against a dash."""
    names = dict.fromkeys([*after, *before])
    return tuple(Change(name=name, old=before.get(name, NOTHING), new=after.get(name, NOTHING))
                 for name in names if before.get(name) != after.get(name))


def in_one_line(said: Mapping[str, str]) -> str:
    """For the audit trail."""
    return "; ".join(f"{name}: {text}" for name, text in said.items())
