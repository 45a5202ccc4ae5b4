"""Who reads a case: its owner shares it with colleagues, ends a share, and a reader may leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.services import audit
from portal.services.blind import policy
from portal.services.cases import get_case
from portal.services.errors import NotFound, NotShared
from portal.storage import access, users, work_items
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, CaseReader


@dataclass(frozen=True, kw_only=True)
class ReaderLine:
    """One reader of a case. `email` only where two share a name; `added_by` is empty for the owner."""

    user_id: int
    name: str
    email: str
    added_by: str
    added_at: datetime
    owner: bool
    you: bool
    disabled: bool


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """The readers of a case, with whom else it may be shared (id and name), and what this reader may change."""

    yours: bool
    readers: tuple[ReaderLine, ...]
    colleagues: tuple[tuple[int, str], ...]
    always_blind: bool


def describe(case: Case, reader_id: int) -> Sharing:
    """A case's readers as one of them sees them; colleagues are offered to the owner alone."""
    readers, colleagues = access.list_readers(case.id), access.list_colleagues()
    namesakes = _namesakes([*colleagues, *(one.user for one in readers)])
    names = {one.user_id: one.user.name for one in readers}
    lines = sorted((_line(case, one, reader_id, names, namesakes) for one in readers), key=lambda one: not one.owner)
    yours = case.owner_id == reader_id
    offered = [one for one in colleagues if one.id not in names] if yours else []
    return Sharing(yours=yours, readers=tuple(lines), always_blind=policy() == "always",
                   colleagues=tuple((one.id, _told_apart(one, namesakes)) for one in offered))


def get_owned_case(case_id: int, user_id: int) -> Case:
    """A case of the user's own. Raises NotFound, also for one that is only shared with them."""
    case = get_case(case_id, user_id)
    if case.owner_id != user_id:
        raise NotFound
    return case


def share_case(actor: audit.Actor, case: Case, colleague_id: int) -> str:
    """Let a colleague read the case and have its predictions on their worklist; their name. Raises NotShared."""
    colleague = users.find_user(colleague_id)
    if colleague is None or colleague.status != "approved":
        raise NotShared("Choose one of the colleagues who are offered.")
    name, case_id = colleague.name, case.id
    access.lock_case(case_id)
    if access.find_reader(case_id, colleague_id):
        raise NotShared(f"{name} reads this case already.")
    try:
        was = _readers(case_id)
        access.add_reader(case_id, colleague_id, case.owner_id)
        db.session.flush()
        work_items.add_for_reader(case_id, colleague_id)
        audit.record(actor, "case.share", f"case:{case_id}", reader=f"user:{colleague_id}", was=was,
                     now=_readers(case_id))
        db.session.commit()
    except IntegrityError as problem:
        # The same button, pressed twice.
        db.session.rollback()
        raise NotShared(f"{name} reads this case already.") from problem
    return name


def end_share(actor: audit.Actor, case: Case, reader_id: int) -> str:
    """The reader's name; their readings stay. Raises NotFound, or NotShared for the owner."""
    reader = access.find_reader(case.id, reader_id)
    if reader is None:
        raise NotFound
    if reader_id == case.owner_id:
        raise NotShared("The owner stays with the case.")
    name, action = reader.user.name, "case.leave" if actor.user_id == reader_id else "case.unshare"
    access.lock_case(case.id)
    was = _readers(case.id)
    access.remove_reader(case.id, reader_id)
    audit.record(actor, action, f"case:{case.id}", reader=f"user:{reader_id}", was=was,
                 now=_readers(case.id))
    db.session.commit()
    return name


def _readers(case_id: int) -> list[int]:
    """Who reads the case, as the audit tells it."""
    return sorted(access.list_reader_ids(case_id))


def _line(case: Case, reader: CaseReader, seen_by: int, names: dict[int, str], namesakes: set[str]) -> ReaderLine:
    user, owner = reader.user, reader.user_id == case.owner_id
    return ReaderLine(user_id=user.id, name=user.name, email=user.email if _key(user) in namesakes else "",
                      added_by="" if owner else names.get(reader.added_by, ""), added_at=reader.added_at, owner=owner,
                      you=user.id == seen_by, disabled=user.status == "disabled")


def _namesakes(people: Iterable[User]) -> set[str]:
    """Names that more than one of them has: only these need their addresses shown."""
    counted = Counter(_key(one) for one in {one.id: one for one in people}.values())
    return {name for name, number in counted.items() if number > 1}


def _told_apart(user: User, namesakes: set[str]) -> str:
    return f"{user.name} ({user.email})" if _key(user) in namesakes else user.name


def _key(user: User) -> str:
    return user.name.casefold()
