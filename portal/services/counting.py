"""Nuclei put into another class, or out of the count, by hand: rules without a table.

A system says by its `recount` which classes there are and what follows from the numbers; everything else is here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.spec import ModelSpec, Nucleus, Reading, Recount
from portal.services.errors import BadReview
from portal.storage.tables.readings import Prediction

Correction = tuple[int, str | None]
"""The number of a nucleus in the evidence, and the class it belongs to; None when it is no nucleus."""
MOST = 5000
NOT_UNDERSTOOD = "The recount could not be understood. Reload the page and try again."


def may_recount(spec: ModelSpec, prediction: Prediction) -> bool:
    """Whether there are nuclei to start from; those of a demonstration stand for nothing."""
    return bool(spec.recount and not prediction.demonstration and (prediction.evidence or {}).get("nuclei"))


def settle_corrections(recount: Recount, nuclei: Sequence[Nucleus], given: Sequence[Any]) -> list[Correction]:
    """Those that change something, by number; of several for one nucleus the last. Raises BadReview."""
    if len(given) > MOST:
        raise BadReview(f"At most {MOST} nuclei can be changed in one reading.")
    # A list: what was sent may not be hashable.
    classes = [None, *(one.label for one in recount.classes)]
    wanted: dict[int, str | None] = {}
    for one in given:
        if not isinstance(one, list | tuple) or len(one) != 2:
            raise BadReview(NOT_UNDERSTOOD)
        number, kind = one
        if type(number) is not int or not 0 <= number < len(nuclei) or kind not in classes:
            raise BadReview(NOT_UNDERSTOOD)
        wanted[number] = kind
    return [(number, kind) for number, kind in sorted(wanted.items()) if kind != nuclei[number].label]


def count(recount: Recount, nuclei: Sequence[Nucleus], corrections: Sequence[Correction]) -> dict[str, int]:
    """The number of nuclei of every class after the corrections."""
    counts = {one.label: 0 for one in recount.classes}
    moved = dict(corrections)
    for number, nucleus in enumerate(nuclei):
        kind = moved.get(number, nucleus.label)
        if kind is not None:
            counts[kind] += 1
    return counts


def follow(recount: Recount, counts: Mapping[str, int]) -> Reading:
    """Raises BadReview with the system's own sentence."""
    try:
        return recount.score(counts)
    except ValueError as problem:
        raise BadReview(str(problem)) from problem


def told(nuclei: Sequence[Nucleus], corrections: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    """The corrections in words: how many nuclei went from where to where."""
    moves = Counter((nuclei[number].label, kind) for number, kind in corrections)
    return tuple(f"{times} from {before} to {after}" if after else f"{times} of {before} taken out as no nucleus"
                 for (before, after), times in moves.most_common())
