"""Whatever the portal signs for a browser to bring back is signed with SHA-256, and nothing else is believed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.sessions import TaggedJSONSerializer
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from tests.conftest import PASSWORD
from tests.support.client import TOKEN, Client

READER = "reader@clinic.example"
SESSION = {"salt": "cookie-session", "serializer": TaggedJSONSerializer(), "key_derivation": "hmac"}
SALTS: dict[str, dict[str, Any]] = {
    "session": SESSION, "form": {"salt": "wtf-csrf-token"}, "known browser": {"salt": "known browser"},
    "whose form": {"salt": "whose form"}, "second factor": {"salt": "key of a second factor"}}


def opener(app: Flask, digest: Callable[..., Any], *, salt: str, serializer: Any = None, timed: bool = True,
           key_derivation: str = "django-concat") -> Any:
    kind = URLSafeTimedSerializer if timed else URLSafeSerializer
    return kind(app.secret_key or "", salt=salt, **({"serializer": serializer} if serializer else {}),
                signer_kwargs={"digest_method": digest, "key_derivation": key_derivation})


def signed(app: Flask, make_user: Callable[..., int]) -> dict[str, str]:
    """One of each kind, as a browser has it after a login."""
    make_user()
    client = Client(app)
    answer = client.post("/login", {"email": READER, "password": PASSWORD})
    shown = client.get("/cases/new")
    cookies = dict(one.partition(";")[0].split("=", 1) for one in
                   [*answer.headers.getlist("Set-Cookie"), *shown.headers.getlist("Set-Cookie")])
    page, factor = shown.text, client.get("/account/second-factor").text
    found = {"session": cookies["secondread"], "known browser": cookies["secondread-known"]}
    for name, pattern, text in (("form", TOKEN, page), ("whose form", r'name="whose"[^>]*value="([^"]+)"', page),
                                ("second factor", r'name="sealed"[^>]*value="([^"]+)"', factor)):
        match = re.search(pattern, text)
        assert match, name
        found[name] = match[1]
    return found


def test_what_we_sign_is_signed_with_sha256(app: Flask, make_user: Callable[..., int]) -> None:
    for name, text in signed(app, make_user).items():
        how = {**SALTS[name], "timed": name != "whose form"}
        assert opener(app, hashlib.sha256, **how).loads(text), name
        with pytest.raises(BadSignature):
            opener(app, hashlib.sha1, **how).loads(text)


def test_what_sha1_signed_opens_nothing(app: Flask, make_user: Callable[..., int]) -> None:
    """The same login and the same token, signed with the right key and the digest of before."""
    found = signed(app, make_user)
    browser = app.test_client(use_cookies=False)
    again = {name: opener(app, hashlib.sha1, **SALTS[name]).dumps(opener(app, hashlib.sha256, **SALTS[name])
                                                                   .loads(found[name])) for name in ("session", "form")}
    for session, status in ((found["session"], 200), (again["session"], 302)):
        assert browser.get("/account", headers={"Cookie": f"secondread={session}"}).status_code == status
    logged_in = {"Cookie": f"secondread={found['session']}"}
    for token, status in ((again["form"], 400), (found["form"], 303)):
        assert browser.post("/logout", data={"csrf_token": token}, headers=logged_in).status_code == status
