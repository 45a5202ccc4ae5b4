"""What an image is taken to show, from what its readers said: one reading, or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from models.spec import ModelSpec
from portal.services.by_hand import starting_numbers
from portal.services.exports.cells import flat
from portal.services.latest import latest_of_each
from portal.services.samples import is_drawn
from portal.storage.reviewed import Opinion, Reviewed

DRAWN = "Drawn samples: no patient’s image"
UNFINISHED = "Read blind, and not yet by every reader of the case"
CANNOT_JUDGE = "Cannot be judged"
DISAGREE = "Readers disagree"
NOTHING = "Nothing in the review that training asks for"
REASONS = (UNFINISHED, DISAGREE, CANNOT_JUDGE, NOTHING, DRAWN)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What an image shows: its class, its numbers and its answers by key, and the review that says so."""

    label: str | None
    numbers: Mapping[str, float]
    answers: Mapping[str, str]
    opinion: Opinion

    def says(self) -> tuple[object, ...]:
        return self.label, sorted(self.numbers.items()), sorted(self.answers.items())


def settle(spec: ModelSpec, same: Sequence[Reviewed]) -> Settled | str:
    """The reading of a picture and its copies, or the reason why it is left out.

    The latest review of each reader counts, and all must say the same; where they do not, whoever signed a report
    after the last of them has decided.
    """
    if any(is_drawn(one.name) for one in same):
        return DRAWN
    if any(one.unfinished for one in same):
        return UNFINISHED
    opinions = sorted((held for one in same for held in one.opinions), key=lambda held: held.review.id)
    latest = latest_of_each(opinions, attrgetter("review.reader_id"))
    signer = _signer(same, latest)
    counted = [held for held in latest if held.review.reader_id == signer] or latest
    if all(held.review.verdict == "cannot-judge" for held in counted):
        return CANNOT_JUDGE
    if any(held.review.verdict == "cannot-judge" for held in counted):
        return DISAGREE
    readings = [reading_of(spec, held) for held in counted]
    if any(one.says() != readings[0].says() for one in readings):
        return DISAGREE
    # Of readers who say the same, the last one's corrections of nuclei are the newest.
    return readings[-1] if is_whole(spec, readings[-1]) else NOTHING


def reading_of(spec: ModelSpec, opinion: Opinion) -> Settled:
    """What a review says: the model's own answer where it agrees, else the reader's. `cannot-judge` says nothing."""
    review = opinion.review
    agrees = review.verdict == "agree"
    scores = opinion.scores if agrees and not review.scores else review.scores or {}
    label = opinion.label if agrees else review.label
    answers = flat({one.key: scores.get(one.key) for one in spec.questions})
    return Settled(label=label if any(one.name == label for one in spec.labels) else None,
                   numbers=starting_numbers(spec, scores), opinion=opinion,
                   answers={one.key: str(answers[one.key]) for one in spec.questions if answers.get(one.key)})


def is_whole(spec: ModelSpec, settled: Settled) -> bool:
    """Whether there is all that a table asks for: every number, at least one of the answers, a class."""
    if any(one.key not in settled.numbers for one in spec.measures if one.step):
        return False
    if spec.questions and not settled.answers:
        return False
    return not spec.labels or settled.label is not None


def _signer(same: Sequence[Reviewed], counted: Sequence[Opinion]) -> int | None:
    """Who signed a report after every review that counts; nobody where the reports are older."""
    signed = [one.signed for one in same if one.signed]
    if not signed or not counted:
        return None
    reader_id, moment = max(signed, key=lambda one: one[1])
    return reader_id if all(held.review.created_at <= moment for held in counted) else None
