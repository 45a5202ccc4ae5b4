"""What an administrator may change while the portal runs, beside the blind-first policy: safe to take back."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from portal.extensions import db
from portal.services import audit, pseudonyms
from portal.services.errors import NotChosen
from portal.storage import choices

REGISTRATION, RETENTION, MASK, FACTOR = "registration", "retention-months", "pseudonym-mask", "second-factor"
EVERYBODY = "everybody"
MOST_MONTHS = 1200


@dataclass(frozen=True, kw_only=True)
class SiteChoices:
    """Whether strangers may ask for an account; after how many months a case is listed for deletion (None: never);
    the mask that pseudonyms follow ("": any); whether everybody must have a second factor, or administrators alone.
    """

    registration_open: bool = True
    retention_months: int | None = None
    pseudonym_mask: str = ""
    second_factor_for_all: bool = False


def load() -> SiteChoices:
    months = choices.find_choice(RETENTION, "")
    return SiteChoices(registration_open=choices.find_choice(REGISTRATION, "open") == "open",
                       retention_months=int(months) if months.isdecimal() else None,
                       pseudonym_mask=choices.find_choice(MASK, ""), second_factor_for_all=is_second_factor_for_all())


def is_second_factor_for_all() -> bool:
    """Asked at each request of somebody who has none: one look-up by key."""
    return choices.find_choice(FACTOR, "") == EVERYBODY


def save(actor: audit.Actor, wanted: SiteChoices) -> tuple[str, ...]:
    """Keep what is different from before, each recorded with old and new; the names of what changed.

    Raises NotChosen.
    """
    if wanted.retention_months is not None and not 1 <= wanted.retention_months <= MOST_MONTHS:
        raise NotChosen(f"A retention period has 1 to {MOST_MONTHS} months.")
    problem = pseudonyms.why_no_mask(wanted.pseudonym_mask)
    if problem:
        raise NotChosen(problem)
    old, new = _kept(load()), _kept(wanted)
    changed = tuple(name for name in new if new[name] != old[name])
    for name in changed:
        choices.keep_choice(name, new[name], actor.user_id)
        audit.record(actor, "choice.change", f"choice:{name}", old=old[name], new=new[name])
    db.session.commit()
    return changed


def _kept(one: SiteChoices) -> dict[str, str]:
    held = asdict(one)
    return {REGISTRATION: "open" if one.registration_open else "closed",
            RETENTION: str(one.retention_months or ""), MASK: held["pseudonym_mask"],
            FACTOR: EVERYBODY if one.second_factor_for_all else "administrators"}
