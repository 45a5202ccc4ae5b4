"""The second factor: codes of an authenticator (TOTP, RFC 6238) and the recovery codes that stand in for it."""

from __future__ import annotations

import base64
import calendar
import hmac
import logging
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

import pyotp

from config import Settings
from portal.extensions import db
from portal.services import audit, factor_rule, login_sessions
from portal.services.errors import BadLogin, NotFound, WrongCode
from portal.services.login_sessions import Login
from portal.services.sealed import CannotOpen, seal, unseal
from portal.services.tokens import digest
from portal.storage import login_sessions as session_rows
from portal.storage import second_factors, users
from portal.storage.tables.accounts import User

log = logging.getLogger("portal.second_factor")
ISSUER = "SecondRead"
SECONDS = 30
DRIFT = 1
"""Steps by which the clock of a phone may be off."""
FAR_AHEAD = 120
"""A last code so many steps ahead, an hour, was used before the clock was set back, and locks nobody out."""
CODES = 10
CODE_BYTES = 20
"""160 random bits, 32 letters and digits: so many that a plain hash keeps them (OWASP ASVS 6.5.2 asks for 112, 11.5.1
for 128)."""
WRONG = "This code is wrong, too old or was used already. Wait for the next one and type that."
MISREAD = str.maketrans("018", "OIB")


@dataclass(frozen=True, kw_only=True)
class FactorState:
    """What the account page says of somebody's second factor."""

    since: datetime | None
    codes_left: int
    required: bool


def step_of(at: datetime) -> int:
    """The half minute that holds this moment (UTC), counted from 1970."""
    return calendar.timegm(at.timetuple()) // SECONDS


def draw_secret() -> str:
    """A new key as authenticators take it: 160 random bits in base32."""
    return str(pyotp.random_base32())


def code_at(secret: str, step: int) -> str:
    """The six digits of this half minute."""
    return str(pyotp.TOTP(secret).generate_otp(step))


def matching_step(secret: str, code: str, at: datetime, last: int | None) -> int | None:
    """The half minute whose code this is, one to either side of now allowed, and later than the last one used."""
    typed = re.sub(r"\s", "", code)
    if not re.fullmatch("[0-9]{6}", typed):
        return None
    now = step_of(at)
    if last is not None and last > now + FAR_AHEAD:
        last = None
    return next((step for step in range(now - DRIFT, now + DRIFT + 1)
                 if step > (last or 0) and hmac.compare_digest(code_at(secret, step), typed)), None)


def draw_codes() -> list[str]:
    """Recovery codes as they are shown and printed: groups of four letters and digits."""
    drawn = (base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode("ascii") for _ in range(CODES))
    return ["-".join(re.findall("....", one)) for one in drawn]


def code_digest(code: str) -> str:
    """What is kept of a recovery code, however its hyphens, blanks and capitals were typed."""
    return digest(re.sub("[^A-Z2-7]", "", code.upper().translate(MISREAD)))


def provisioning_address(secret: str, email: str) -> str:
    """The otpauth: address that a QR code carries."""
    return str(pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER))


def use(user: User, code: str, settings: Settings, at: datetime) -> str | None:
    """"code" or "recovery code" when it is right, used up within the caller's transaction; None when it is not.

    Raises WrongCode where codes cannot be checked.
    """
    if second_factors.claim_code(user.id, code_digest(code), at):
        return "recovery code"
    step = matching_step(_secret_of(user, settings), code, at, user.totp_step)
    if step is not None and second_factors.claim_step(user.id, step, step_of(at) + FAR_AHEAD):
        return "code"
    return None


def has_one(user_id: int) -> bool:
    """Whether this account's logins and proofs ask for a code."""
    user = users.find_user(user_id)
    return user is not None and user.totp_secret is not None


def describe(login: Login) -> FactorState:
    """For the person's own page."""
    user = users.find_user(login.id)
    since = user.totp_at if user and user.totp_secret else None
    return FactorState(since=since, codes_left=second_factors.count_codes(login.id),
                       required=factor_rule.is_required(login.role))


def set_up(actor: audit.Actor, login: Login, secret: str, code: str, *, settings: Settings,
           at: datetime) -> tuple[Login, list[str]]:
    """Make this key the person's second factor, once a code shows that they have it; ends their other logins.

    Returns the login under a new token, and the recovery codes, told this once. Raises BadLogin.
    """
    step = matching_step(secret, code, at, None)
    if step is None:
        raise BadLogin("This is not the code of this key. Wait for the next one; if it fails again, look whether the "
                       "clock of the phone is right.")
    user = _locked(login.id)
    changed = user.totp_secret is not None
    user.totp_secret, user.totp_step, user.totp_at = seal(settings.secret_key, user.id, secret), step, at
    codes = draw_codes()
    second_factors.replace_codes(user.id, map(code_digest, codes))
    db.session.flush()
    ended = session_rows.delete_sessions(user.id, keep=login.session_id)
    renewed = replace(login_sessions.renew_session(login, at), lacks_second_factor=False)
    audit.record(actor, "second-factor.set-up", f"user:{user.id}", changed=changed, sessions_ended=ended,
                 was=_told(changed), now=_told(True))
    db.session.commit()
    return renewed, codes


def renew_codes(actor: audit.Actor, user_id: int) -> list[str]:
    """New recovery codes instead of those before, told this once. Raises NotFound without a second factor."""
    if _locked(user_id).totp_secret is None:
        db.session.rollback()
        raise NotFound
    codes, was = draw_codes(), second_factors.count_codes(user_id)
    second_factors.replace_codes(user_id, map(code_digest, codes))
    audit.record(actor, "second-factor.codes", f"user:{user_id}", was=was, now=len(codes))
    db.session.commit()
    return codes


def remove(actor: audit.Actor, user_id: int) -> None:
    """Do without one from now on. Raises NotFound where there is none, or where one is required."""
    user = _locked(user_id)
    if user.totp_secret is None or factor_rule.is_required(user.role):
        db.session.rollback()
        raise NotFound
    _clear(user)
    audit.record(actor, "second-factor.remove", f"user:{user_id}", was=_told(True), now=_told(False))
    db.session.commit()


def reset(actor: audit.Actor, user_id: int) -> User:
    """Take the second factor from somebody who lost it, and end their logins. Raises NotFound."""
    user = _locked(user_id)
    had = user.totp_secret is not None
    _clear(user)
    db.session.flush()
    ended = session_rows.delete_sessions(user_id)
    audit.record(actor, "second-factor.reset", f"user:{user_id}", had=had, sessions_ended=ended, was=_told(had),
                 now=_told(False))
    db.session.commit()
    return user


def _told(there: bool) -> str:
    return "set up" if there else "none"


def _clear(user: User) -> None:
    user.totp_secret = user.totp_step = user.totp_at = None
    second_factors.replace_codes(user.id, ())


def _secret_of(user: User, settings: Settings) -> str:
    try:
        return unseal((settings.secret_key, *settings.old_secret_keys), user.id, user.totp_secret or "")
    except CannotOpen as problem:
        log.error("the second factor of user %d was sealed with a SECRET_KEY that is not named: reset it", user.id)
        raise WrongCode("Codes cannot be checked just now. Use a recovery code, or ask your "
                        "administrator.") from problem


def _locked(user_id: int) -> User:
    user = users.lock_user(user_id)
    if user is None:
        db.session.rollback()
        raise NotFound("There is no such account.")
    return user
