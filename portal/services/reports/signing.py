"""Signing a case: the password again, and a version of its report that nobody can change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from config import Settings
from models.engine import Engine
from portal.extensions import db
from portal.services import audit, logins
from portal.services.blind import is_veiled
from portal.services.cases import get_case, load_images
from portal.services.errors import CannotSign
from portal.services.login_sessions import Login
from portal.services.reports import snapshot
from portal.services.reports.agreement import is_open
from portal.services.reports.changes import Change, Outline, fingerprint, list_changes, outline_of
from portal.services.reports.snapshot import Content
from portal.storage import reports
from portal.storage.files import Files
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Report

SEEN_OTHERWISE = ("This case changed while the page was open, or somebody signed it. "
                  "Look at it once more and sign then.")
AT_ONCE = "Somebody else signed this case at the same moment. Look at that report first."
SAME_AGAIN = "Nothing changed since report {number}, which you signed yourself. Add a comment to sign an addendum."


@dataclass(frozen=True, kw_only=True)
class SignedLine:
    """One signed version as the case page lists it."""

    number: int
    by_id: int
    by: str
    at: datetime
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ReportState:
    """Where a case stands: its signed versions (newest first), and what stands between now and a signature.

    `waiting` names what nobody has reviewed. A reader who has yet to read blind (`veiled` answers) learns neither
    that nor what changed.
    """

    signed: tuple[SignedLine, ...]
    images: int
    changed: bool
    changes: tuple[Change, ...]
    waiting: tuple[str, ...]
    veiled: int
    seen: str

    @property
    def last(self) -> SignedLine | None:
        return self.signed[0] if self.signed else None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a signer sends: `seen` stands for the case as it was shown, `although_waiting` is said on purpose."""

    password: str
    comment: str
    seen: str
    although_waiting: bool


def describe(engine: Engine, case: Case, images: Sequence[Image], reader_id: int) -> ReportState:
    """The state of a case that this reader may see; `images` are all of it, as `load_images` gives them."""
    signed = reports.list_reports(case.id)
    content = snapshot.take(engine, case, images, None, uploaders={}, whole=False)
    now = outline_of(content)
    changes = _changes_since(signed[0], now, images) if signed else ()
    veiled = count_veiled(case, images, reader_id)
    return ReportState(
        signed=tuple(SignedLine(number=one.number, by_id=one.signed_by, by=one.signer.name, at=one.signed_at,
                                sha256=one.sha256)
                     for one in signed),
        images=len(images), changed=bool(changes), changes=() if veiled else changes,
        waiting=() if veiled else _waiting(content), veiled=veiled,
        seen=fingerprint(now, signed[0].number if signed else 0))


def sign_case(engine: Engine, store: Files, actor: audit.Actor, login: Login, case_id: int,
              signature: Signature, *, settings: Settings, at: datetime) -> int:
    """Sign what was seen and return the report's number. Raises NotFound, CannotSign, BadLogin or TooManyTries."""
    case = get_case(case_id, login.id)
    images = load_images(case)
    state = describe(engine, case, images, login.id)
    _check(state, login, signature)
    content = _signed_content(engine, store, case, images, state, login, signature, at)
    number, sha256 = content["signature"]["number"], snapshot.digest_of(content)
    logins.confirm_password(actor, login, signature.password, settings=settings, at=at)
    report = Report(case_id=case_id, number=number, signed_by=login.id, comment=signature.comment, content=content,
                    sha256=sha256, signed_at=at)
    try:
        reports.add_report(report)
    except IntegrityError as problem:
        db.session.rollback()
        raise CannotSign(AT_ONCE) from problem
    audit.record(actor, "report.sign", f"case:{case_id}", number=number, sha256=sha256)
    db.session.commit()
    return int(number)


def count_veiled(case: Case, images: Sequence[Image], reader_id: int) -> int:
    """How many answers this reader may not see yet."""
    return sum(is_veiled(case, one, reader_id) for image in images for one in image.predictions)


def changes_since(engine: Engine, case: Case, images: Sequence[Image], report: Report) -> tuple[Change, ...]:
    """What is not as it was signed. Only for a reader from whom nothing is veiled."""
    content = snapshot.take(engine, case, images, None, uploaders={}, whole=False)
    return _changes_since(report, outline_of(content), images)


def _changes_since(report: Report, now: Outline, images: Sequence[Image]) -> tuple[Change, ...]:
    before = outline_of(report.content)
    uploaders = reports.list_uploaders([one for one in images if one.id not in before.images])
    known = {key: {**one, "added_by": uploaders.get(key, "")} for key, one in now.images.items()}
    return list_changes(before, Outline(case=now.case, images=known, readings=now.readings, reviews=now.reviews))


def _waiting(content: Content) -> tuple[str, ...]:
    return tuple(f"{image['name']} ({one['title']})" for image in content["images"]
                 for one in image["predictions"] if is_open(one))


def _check(state: ReportState, login: Login, signature: Signature) -> None:
    """Raises CannotSign with the first thing that stands in the way."""
    if not state.images:
        raise CannotSign("There is nothing to sign yet: add an image first.")
    if state.veiled:
        raise CannotSign("This case is read blind. Read the images that wait for you before you sign.")
    if signature.seen != state.seen:
        raise CannotSign(SEEN_OTHERWISE)
    if state.waiting and not signature.although_waiting:
        raise CannotSign("Some images have no reading yet. Review them, or say that you sign without.")
    if state.last and not state.changed and not signature.comment and state.last.by_id == login.id:
        raise CannotSign(SAME_AGAIN.format(number=state.last.number))


def _signed_content(engine: Engine, store: Files, case: Case, images: Sequence[Image], state: ReportState,
                    login: Login, signature: Signature, at: datetime) -> Content:
    """The whole case, the hash of every file that it shows, and the signature under it."""
    content = snapshot.take(engine, case, images, None, uploaders=reports.list_uploaders(images))
    for image in content["images"]:
        image["file_sha256"] = _file_hash(store, image)
    content["signature"] = {
        "number": state.last.number + 1 if state.last else 1, "by": login.name, "by_id": login.id,
        "at": snapshot.stamp(at), "comment": signature.comment, "waiting": list(state.waiting),
        "first": _reference(state.signed[-1]) if state.signed else None,
        "previous": _reference(state.last) if state.last else None,
        "changes": [asdict(one) for one in state.changes]}
    return content


def _reference(line: SignedLine) -> Content:
    return {"number": line.number, "sha256": line.sha256, "by": line.by, "at": snapshot.stamp(line.at)}


def _file_hash(store: Files, image: Content) -> str:
    try:
        with store.local(image["stored_as"]).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise CannotSign(f"The file of {image['name']} cannot be read, so the case cannot be signed. "
                         "Tell your administrator.") from problem
