"""A review as far as it was typed: its reader's alone, never older than their last reading, and of bounded size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.services.errors import BadDraft
from portal.services.results import count_readings, get_prediction
from portal.storage import drafts
from portal.storage.tables.columns import now

NAME = re.compile(r"verdict|label|reason|corrections|score_[a-z0-9_]{1,48}")
MOST_FIELDS = 60
MOST_CHARACTERS = 120_000
TOO_MUCH = "This is more than a draft can hold. Shorten the reason."
RECORDED_SINCE = "You have recorded a reading since this page was opened. Reload it to go on from there."


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was typed, by the form's own names, and when it was last kept."""

    content: dict[str, str]
    saved_at: datetime


def save_draft(reader_id: int, prediction_id: int, typed: Mapping[str, Any], readings: int | None = None) -> datetime:
    """Keep what was typed and say when. Raises NotFound or BadDraft.

    `readings` is how many this reader had recorded when the form was shown: a page that is older than the last one
    must not bring back what was recorded or thrown away. None where what was typed has nowhere else to go.
    """
    content = checked(typed)
    prediction = get_prediction(prediction_id, reader_id)
    if readings is not None and count_readings(prediction, reader_id) != readings:
        raise BadDraft(RECORDED_SINCE)
    at = now()
    try:
        drafts.keep_draft(prediction_id, reader_id, content, at)
    except IntegrityError:
        # Two requests kept the first draft at once; the row is there now.
        db.session.rollback()
        drafts.keep_draft(prediction_id, reader_id, content, at)
    db.session.commit()
    return at


def find_draft(reader_id: int, prediction_id: int) -> Draft | None:
    """The reader's own; who may read the prediction is for the caller to ask."""
    held = drafts.find_draft(prediction_id, reader_id)
    return Draft(content=held.content, saved_at=held.saved_at) if held else None


def discard_draft(reader_id: int, prediction_id: int) -> None:
    """Raises NotFound for what this reader may not read."""
    get_prediction(prediction_id, reader_id)
    drafts.delete_draft(prediction_id, reader_id)
    db.session.commit()


def checked(typed: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a review and nothing else. Raises BadDraft for what is too much."""
    content = {name: value for name, value in typed.items() if NAME.fullmatch(name) and isinstance(value, str)}
    if len(content) > MOST_FIELDS or sum(map(len, content.values())) > MOST_CHARACTERS:
        raise BadDraft(TOO_MUCH)
    return content
