"""The sealed cookie of a session, which a clock that was set back does not make invalid."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


class Signer(TimestampSigner):
    """Refuses what is too old; what seems to be of the future is not. How long a login lasts is for its row to say."""

    def unsign(self, signed_value: str | bytes, max_age: int | None = None,
               return_timestamp: bool = False) -> Any:
        value, at = super().unsign(signed_value, return_timestamp=True)
        if max_age is not None and self.get_timestamp() - at.timestamp() > max_age:
            raise SignatureExpired("too old", payload=value, date_signed=at)
        return (value, at) if return_timestamp else value


class Cookie(SecureCookieSessionInterface):
    """Flask's own, with this signer and the digest of every other."""

    digest_method = staticmethod(hashlib.sha256)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        made = super().get_signing_serializer(app)
        if made is not None:
            made.signer = Signer
        return made
