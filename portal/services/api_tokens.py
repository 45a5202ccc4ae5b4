"""Personal tokens: with one a program acts in its person's name. The person holds the secret, the row its hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.extensions import db
from portal.services import audit, factor_rule, login_guard
from portal.services.errors import BadToken, NotAdmitted, NotFound
from portal.services.tokens import digest, draw_token
from portal.storage import api_tokens, users
from portal.storage.tables.accounts import ApiToken

PREFIX = "sr_"
"""By which a person, and a scanner of forgotten secrets, knows a token of this portal."""
NAME_LENGTH = 80
MOST = 20
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class TokenInfo:
    """A token as the account page lists it: never the secret."""

    id: int
    name: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """The person in whose name a program asks. The three flags are what Flask-Login asks for."""

    api_token: audit.Token
    id: int
    name: str
    email: str
    role: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False


def make_token(actor: audit.Actor, user_id: int, name: str, at: datetime) -> str:
    """A new token, told this once. Raises BadToken."""
    plain_name = " ".join(name.split())
    if not plain_name or len(plain_name) > NAME_LENGTH or not plain_name.isprintable():
        raise BadToken(f"Give the token a name of 1 to {NAME_LENGTH} printable characters.")
    if api_tokens.count_tokens(user_id) >= MOST:
        raise BadToken(f"You have {MOST} tokens already. Revoke one that is no longer used.")
    secret = PREFIX + draw_token()
    users.lock_user(user_id)
    row = api_tokens.add_token(ApiToken(user_id=user_id, name=plain_name, token_hash=digest(secret), created_at=at))
    # Asked again after the write, for on SQLite only a write keeps others out: an account that is being disabled
    # must not wake up with a token.
    user = users.lock_user(user_id)
    if user is None or user.status != "approved":
        db.session.rollback()
        raise BadToken("Your account may not make tokens now.")
    audit.record(actor, "token.create", f"token:{row.id}", name=plain_name)
    db.session.commit()
    return secret


def list_tokens(user_id: int) -> list[TokenInfo]:
    """The person's tokens that still work, newest first."""
    return [TokenInfo(id=row.id, name=row.name, created_at=row.created_at, used_at=row.used_at)
            for row in api_tokens.list_tokens(user_id)]


def revoke_token(actor: audit.Actor, user_id: int, token_id: int, at: datetime) -> None:
    """Stop one of the person's own tokens at once. Raises NotFound."""
    if not api_tokens.revoke(token_id, user_id, at):
        raise NotFound
    audit.record(actor, "token.revoke", f"token:{token_id}", was="open", now="revoked")
    db.session.commit()


def admit(secret: str, address: str, at: datetime) -> Bearer:
    """Whose token this is; notes at most once a minute that it was used.

    Raises NotAdmitted for one that lets nobody in, TooManyTries for an address that has sent many such.
    """
    row = api_tokens.find_token(digest(secret))
    if row is None or row.user.status != "approved" or factor_rule.lacks(row.user):
        login_guard.count_bad_token(address, at)
        raise NotAdmitted
    user = row.user
    bearer = Bearer(api_token=audit.Token(id=row.id, name=row.name), id=user.id, name=user.name, email=user.email,
                    role=user.role)
    if row.used_at is None or at - row.used_at >= USED_EVERY:
        api_tokens.update_used(row.id, at)
        db.session.commit()
    return bearer
