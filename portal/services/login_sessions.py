"""Logins are rows: a row that is gone, idle or too old lets nobody in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config import Settings
from portal.extensions import db
from portal.services import audit, factor_rule
from portal.services.errors import NotFound
from portal.services.tokens import digest, draw_token
from portal.storage import login_sessions
from portal.storage.tables.accounts import User, UserSession
from portal.storage.tables.columns import AHEAD

SEEN_EVERY = timedelta(minutes=1)
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"),
            ("Safari", "Safari"))
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))


@dataclass(frozen=True, kw_only=True)
class Login:
    """The person behind a request. `get_id` and the three flags are what Flask-Login asks for."""

    token: str = field(repr=False)
    session_id: int
    remember: bool
    id: int
    name: str
    email: str
    role: str
    proven_at: datetime
    lacks_second_factor: bool
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        return self.token


@dataclass(frozen=True, kw_only=True)
class SessionInfo:
    """One login as the account page lists it."""

    id: int
    browser: str
    address: str
    created_at: datetime
    seen_at: datetime
    current: bool


@dataclass(frozen=True, kw_only=True)
class Left:
    """How long a login lasts: when nobody does anything, and in any case."""

    idle: timedelta
    absolute: timedelta

    @property
    def seconds(self) -> int:
        """Whole seconds until it ends when nobody does anything."""
        return max(0, int(min(self.idle, self.absolute).total_seconds()))


@dataclass(frozen=True, kw_only=True)
class Client:
    """Where a login comes from."""

    address: str
    browser: str


def open_session(user: User, client: Client, remember: bool, at: datetime) -> Login:
    """Begin a login within the caller's transaction."""
    token = draw_token()
    row = login_sessions.add_session(UserSession(
        token_hash=digest(token), user_id=user.id, remember=remember, address=client.address[:45],
        browser=browser_name(client.browser), created_at=at, seen_at=at,
        proven_at=at))
    return _login(token, row, user)


def find_login(token: str, settings: Settings, at: datetime, *, here: bool = True) -> Login | None:
    """Who holds this token, if they still may; notes at most once a minute that they were `here`."""
    row = login_sessions.find_session(digest(token))
    if row is None or row.user.status != "approved" or not is_live(row, settings, at):
        return None
    if row.created_at > at + AHEAD or row.seen_at > at + AHEAD:
        # The clock was set back: from here on the login lasts as long as any other.
        login_sessions.begin_anew(row.id, at)
        db.session.commit()
    login = _login(token, row, row.user)
    if here and at - row.seen_at >= min(SEEN_EVERY, _limits(row, settings)[0] / 15):
        login_sessions.update_seen(row.id, at)
        db.session.commit()
    return login


def is_live(row: UserSession, settings: Settings, at: datetime) -> bool:
    """Whether the login was neither left alone nor kept for too long."""
    idle, absolute = _limits(row, settings)
    return at - row.seen_at < idle and at - row.created_at < absolute


def _limits(row: UserSession, settings: Settings) -> tuple[timedelta, timedelta]:
    if row.remember:
        return settings.remember, settings.remember
    return settings.session_idle, settings.session_absolute


def list_sessions(user_id: int, session_id: int, settings: Settings, at: datetime) -> list[SessionInfo]:
    """A person's live logins, last used first; `session_id` is that of who looks."""
    return [SessionInfo(id=row.id, browser=row.browser, address=row.address, created_at=row.created_at,
                        seen_at=row.seen_at, current=row.id == session_id)
            for row in login_sessions.list_sessions(user_id) if is_live(row, settings, at)]


def end_session(actor: audit.Actor, user_id: int, session_id: int, action: str = "session.end") -> None:
    """End one of the person's own logins. Raises NotFound."""
    if not login_sessions.delete_session(session_id, user_id):
        raise NotFound
    audit.record(actor, action, f"user:{user_id}", session=session_id, was="open", now="ended")
    db.session.commit()


def end_others(actor: audit.Actor, login: Login) -> int:
    """End every login of the person but this one; how many there were."""
    ended = login_sessions.delete_sessions(login.id, keep=login.session_id)
    audit.record(actor, "session.end", f"user:{login.id}", sessions_ended=ended)
    db.session.commit()
    return ended


def time_left(session_id: int, settings: Settings, at: datetime) -> Left:
    """How long this login still lasts. Raises NotFound when it does no more."""
    row = login_sessions.get_session(session_id)
    if row is None or not is_live(row, settings, at):
        raise NotFound
    idle, absolute = _limits(row, settings)
    return Left(idle=min(row.seen_at, at) + idle - at, absolute=min(row.created_at, at) + absolute - at)


def stay(session_id: int, settings: Settings, at: datetime) -> Left:
    """As `time_left`, by somebody who says that they are here."""
    login_sessions.update_seen(session_id, at)
    db.session.commit()
    return time_left(session_id, settings, at)


def remove_old(settings: Settings, at: datetime) -> None:
    """Forget logins that ended long ago; on its own, for on MariaDB it locks what others insert into."""
    login_sessions.delete_older(at - max(settings.session_absolute, settings.remember))
    db.session.commit()


def renew_session(login: Login, at: datetime) -> Login:
    """Give the login a new token within the caller's transaction; the old one lets nobody in."""
    token = draw_token()
    login_sessions.update_token(login.session_id, digest(token), at)
    # Flask hands in a stand-in for the login, of which dataclasses.replace wants nothing to know.
    return Login(**{**vars(login), "token": token, "proven_at": at})


def browser_name(user_agent: str) -> str:
    """Words by which a person knows a browser again; empty when it does not say."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    return " on ".join(part for part in (browser, system) if part)


def _login(token: str, row: UserSession, user: User) -> Login:
    return Login(token=token, session_id=row.id, remember=row.remember, id=user.id, name=user.name,
                 email=user.email, role=user.role, proven_at=row.proven_at or row.created_at,
                 lacks_second_factor=factor_rule.lacks(user))
