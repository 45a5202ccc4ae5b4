"""Secrets handed out once: the person gets the token, the database only its sha256."""

from __future__ import annotations

import hashlib
import secrets


def draw_token() -> str:
    """256 random bits, fit for an address or a cookie."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> str:
    """What a table may keep of a secret. A plain hash will do: 256 random bits cannot be guessed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
