"""Blind-first reading: what a model says, and what others read, is shown only after a reader's own first reading.

The administrator's choice decides what a new case starts with; what a case has been opened with stays its own.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotChosen
from portal.storage import access, audit_events, choices
from portal.storage.tables.cases import Case
from portal.storage.tables.readings import Prediction

Policy = Literal["off", "default", "always"]
"""Of new cases: blind where the reader asks for it, blind unless the reader says no, or blind without exception."""
CHOICE = "blind-first"
SWITCHED = "case.blind"
HIDDEN = "hidden"
"""Stands for the outcome wherever one would be shown."""


def policy() -> Policy:
    return cast(Policy, choices.find_choice(CHOICE, "off"))


def choose_policy(actor: audit.Actor, wanted: str) -> None:
    """Raises NotChosen for a word that is none of the policies."""
    if wanted not in get_args(Policy):
        raise NotChosen("Choose one of the three.")
    before = choices.keep_choice(CHOICE, wanted, actor.user_id) or "off"
    audit.record(actor, "choice.change", f"choice:{CHOICE}", old=before, new=wanted)
    db.session.commit()


def starts_blind(wanted: bool | None) -> bool:
    """Whether a new case is blind-first; `wanted` is what its reader asked for, None when nobody was asked."""
    chosen = policy()
    return chosen == "always" or (chosen == "default" if wanted is None else wanted)


def is_veiled(case: Case, prediction: Prediction, reader_id: int) -> bool:
    """Whether this reader may not yet see what the model and others said."""
    return case.blind and all(review.reader_id != reader_id for review in prediction.reviews)


def switch(actor: audit.Actor, case: Case, wanted: bool) -> None:
    """Hide what models say from everybody who has not read it, or show it. Raises NotChosen where it must stay hidden.

    Whether the actor may is the caller's to know.
    """
    if not wanted and policy() == "always":
        raise NotChosen("Every case is read blind here: an administrator has chosen so.")
    if case.blind != wanted:
        case.blind = wanted
        audit.record(actor, SWITCHED, f"case:{case.id}", old=not wanted, new=wanted)
    db.session.commit()


def never_shown(case: Case, prediction: Prediction, reader_id: int) -> bool:
    """Whether a reading that this reader gives now is blind: veiled, and veiled ever since they could have looked.

    A case that was open for a while has been seen, as far as anybody knows.
    """
    reader = access.find_reader(case.id, reader_id)
    switched = audit_events.find_latest(SWITCHED, f"case:{case.id}")
    if reader is None or not is_veiled(case, prediction, reader_id):
        return False
    return switched is None or switched <= max(prediction.created_at, reader.added_at)
