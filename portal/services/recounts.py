"""The recount as a page needs it: which nuclei there are, and what would follow from the reader's classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.engine import Engine
from models.spec import ModelSpec, Nucleus, Recount
from portal.services.blind import is_veiled
from portal.services.by_hand import starting_numbers
from portal.services.counting import count, follow, may_recount, settle_corrections
from portal.services.errors import NotFound
from portal.services.evidence import placed_nuclei
from portal.services.results import get_prediction
from portal.services.scores import facts_of, lines_of


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The nuclei to draw over the image and the classes they may be put into, with their colours."""

    spec: ModelSpec
    recount: Recount
    nuclei: tuple[Nucleus, ...]


@dataclass(frozen=True, kw_only=True)
class Recounted:
    """What follows from a recount: `numbers` are those that could have been typed instead."""

    label: str | None
    lines: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    counts: dict[str, int]
    numbers: dict[str, float]


def get_marks(engine: Engine, prediction_id: int, reader_id: int) -> Marks:
    """Raises NotFound, also where there is nothing to count again or the reader may not see it yet."""
    # Not the whole row: of its two large columns the nuclei's alone is loaded, when it is looked at.
    prediction = get_prediction(prediction_id, reader_id)
    spec = engine.recorded_spec(prediction.model, prediction.version)
    if (spec.recount is None or not may_recount(spec, prediction)
            or is_veiled(prediction.image.case, prediction, reader_id)):
        raise NotFound
    return Marks(spec=spec, recount=spec.recount, nuclei=placed_nuclei(prediction))


def recount(engine: Engine, prediction_id: int, reader_id: int, given: Sequence[Any]) -> Recounted:
    """What the scores would be; nothing is kept. Raises NotFound as `get_marks`, or BadReview."""
    marks = get_marks(engine, prediction_id, reader_id)
    counts = count(marks.recount, marks.nuclei, settle_corrections(marks.recount, marks.nuclei, given))
    reading = follow(marks.recount, counts)
    lines = (*lines_of(marks.spec, reading.scores), *facts_of(marks.spec, reading.scores))
    return Recounted(label=reading.label, lines=lines, notes=reading.notes, counts=counts,
                     numbers=starting_numbers(marks.spec, reading.scores))
