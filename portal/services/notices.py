"""Notices on top of the pages: plain text, until a day, to everybody or to the administrators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.services import audit
from portal.services.errors import BadNotice, NotFound
from portal.storage import notices
from portal.storage.tables.notices import Notice

LENGTH = 500
LONGEST = timedelta(days=366)
LISTED = 50


def write(actor: audit.Actor, text: str, until: date, at: datetime) -> int:
    """Tell everybody until the end of that day (UTC). Raises BadNotice."""
    plain = " ".join(text.split())
    end = datetime.combine(until, time.max)
    if not plain or len(plain) > LENGTH or not plain.isprintable():
        raise BadNotice("text", f"Write 1 to {LENGTH} printable characters.")
    if not at < end < at + LONGEST:
        raise BadNotice("until", "Choose a day from today on, within a year.")
    notice = notices.add(Notice(text=plain, until=end, written_by=actor.user_id))
    audit.record(actor, "notice.write", f"notice:{notice.id}", text=plain, until=until.isoformat())
    notice_id = notice.id
    db.session.commit()
    return notice_id


def tell_administrators(text: str, at: datetime, length: timedelta) -> None:
    """The portal's own word to every administrator, within the caller's transaction."""
    notices.add(Notice(text=text[:LENGTH], audience="admin", until=at + length))


def end(actor: audit.Actor, notice_id: int, at: datetime) -> None:
    """Nobody sees it any more. Raises NotFound."""
    notice = notices.find(notice_id)
    if notice is None:
        raise NotFound
    if notice.until > at:
        audit.record(actor, "notice.end", f"notice:{notice_id}", old=notice.until.isoformat(), new=at.isoformat())
        notice.until = at
    db.session.commit()


def dismiss(user_id: int, notice_id: int) -> None:
    """This person has read it. Raises NotFound."""
    if notices.find(notice_id) is None:
        raise NotFound
    try:
        notices.dismiss(notice_id, user_id)
        db.session.commit()
    except IntegrityError:  # The same click twice.
        db.session.rollback()


def list_unread(user_id: int, *, administers: bool, at: datetime) -> Sequence[Notice]:
    """What this person is to see now."""
    return notices.list_unread(user_id, ("everybody", "admin") if administers else ("everybody",), at)


def list_all() -> Sequence[Notice]:
    """The latest, for who writes them."""
    return notices.list_all(LISTED)
