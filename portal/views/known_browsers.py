"""A cookie by which a browser is known again in which somebody logged in: strangers' guesses do not slow it.

It opens nothing and names nobody: it holds digests of addresses, each with the cookie's own random number.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from flask import request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from portal.services.tokens import digest
from portal.views.wiring import settings

LASTS = timedelta(days=90)
NUMBER_BYTES = 16
PEOPLE = 12
"""Colleagues who share a workstation."""


def name(email: str) -> str:
    """This browser's own name where this address has logged in with it, else empty."""
    number, people = _read()
    return number if number and _mark(number, email) in people else ""


def keep(answer: Response, email: str) -> None:
    """Know this browser again for this address."""
    number, people = _read()
    number = number or secrets.token_hex(NUMBER_BYTES)
    mark = _mark(number, email)
    people = [mark, *(one for one in people if one != mark)][:PEOPLE]
    secure = settings().secure_cookies
    answer.set_cookie(_cookie(), str(_seals().dumps([number, people])), max_age=LASTS, path="/", httponly=True,
                      secure=secure, samesite="Strict")


def _read() -> tuple[str, list[str]]:
    try:
        number, people = _seals().loads(request.cookies.get(_cookie(), ""), max_age=int(LASTS.total_seconds()))
    except (BadSignature, ValueError, TypeError):
        return "", []
    # One from before numbers had 128 bits is drawn anew.
    return (number, people) if len(number) == 2 * NUMBER_BYTES else ("", [])


def _mark(number: str, email: str) -> str:
    return digest(f"{number} {email}")[:16]


def _cookie() -> str:
    return "__Host-secondread-known" if settings().secure_cookies else "secondread-known"


def _seals() -> Any:
    return URLSafeTimedSerializer(settings().secret_key, salt="known browser")
