"""Passwords: which are good enough, how they are kept and how they are checked."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from threading import Lock
from typing import Any

import bcrypt
from zxcvbn import zxcvbn
from zxcvbn.matching import RANKED_DICTIONARIES

from portal.services.errors import WeakPassword

MINIMUM = 12
MAXIMUM = 1024
# A strong beginning makes a strong password, and zxcvbn takes a second and more for long hostile ones.
JUDGED = 32
ENOUGH = 2
# On nobody's list of guesses, whatever it is made of.
LONG = 64
# So much must remain when the person's own words are taken out.
BESIDE_OWN = 8
OWN = "It is built from your name or e-mail address, or this portal's name. Choose unrelated words."

# zxcvbn keeps the words about one person in a global, so two threads must not judge at once.
_judging = Lock()


def check_strength(password: str, about: Iterable[str] = ()) -> None:
    """Raises WeakPassword with the reason; `about` holds the person's name and e-mail address."""
    if len(password) > MAXIMUM:
        raise WeakPassword(f"Use at most {MAXIMUM} characters.")
    text = _normalised(password)
    if len(text) < MINIMUM:
        raise WeakPassword(f"Use at least {MINIMUM} characters; this has {len(text)}.")
    if text.lower() in RANKED_DICTIONARIES["passwords"]:
        raise WeakPassword("This is one of the most common passwords. Choose another.")
    if len(text) >= LONG:
        return
    own = _own_words(about)
    if len(_without(text.lower(), own)) < min(BESIDE_OWN, len(text.strip())):
        raise WeakPassword(OWN)
    verdict = _judged(text[:JUDGED], own)
    if verdict["score"] < ENOUGH:
        raise WeakPassword(_reason(verdict))


def hash_password(password: str, rounds: int) -> str:
    """The text that the database keeps."""
    return bcrypt.hashpw(_prepared(password), bcrypt.gensalt(rounds)).decode("ascii")


def is_correct(password: str, kept: str | None, rounds: int) -> bool:
    """Whether the password belongs to this hash; without a hash, the same work for the answer no."""
    stored = kept.encode("ascii") if kept else _unmatched(rounds)
    return bcrypt.checkpw(_prepared(password), stored) and kept is not None


def is_outdated(kept: str, rounds: int) -> bool:
    """Whether the hash was made with another number of rounds than is set now."""
    return not kept.startswith(f"$2b${rounds:02d}$")


def _normalised(password: str) -> str:
    """The same characters whichever keyboard or system composed them (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def _prepared(password: str) -> bytes:
    """Short enough for bcrypt, which reads 72 bytes, and without the zero byte that would end it."""
    digest = hashlib.sha256(_normalised(password).encode("utf-8", "surrogatepass")).digest()
    return base64.b64encode(digest)


def _unmatched(rounds: int) -> bytes:
    """A hash that nothing matches; drawing only its salt costs no round."""
    return bcrypt.gensalt(rounds) + secrets.token_hex(16)[:31].encode("ascii")


def _own_words(about: Iterable[str]) -> list[str]:
    """The words of a name and an address, longest first."""
    parts = {part.lower() for text in about for part in re.split(r"[\W_]+", text) if len(part) > 2}
    return sorted({"secondread", *parts}, key=lambda word: (-len(word), word))


def _without(text: str, words: list[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text.strip()


def _judged(text: str, own: list[str]) -> dict[str, Any]:
    with _judging:
        verdict: dict[str, Any] = zxcvbn(text, user_inputs=own)
    return verdict


def _reason(verdict: dict[str, Any]) -> str:
    if any(match.get("dictionary_name") == "user_inputs" for match in verdict["sequence"]):
        return OWN
    warning = verdict["feedback"]["warning"] or "This is easy to guess."
    return f"{warning} Choose a few unrelated words, or let a password manager draw one."
