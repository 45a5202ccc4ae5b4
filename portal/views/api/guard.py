"""Who may ask: whoever sends a personal token. A cookie counts for nothing here: no other site can ask for anybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Response, request

from portal.services import api_tokens
from portal.services.errors import NotAdmitted, TooManyTries
from portal.storage.tables.columns import now
from portal.views import sessions
from portal.views.api import problems
from portal.views.slowed import in_words

P = ParamSpec("P")
R = TypeVar("R")

REFUSED = "This token was revoked or never made, or its account may not log in."


def token_required(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Any approved account's token; for this request its owner is who is logged in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        given = request.authorization
        if given is None or given.type != "bearer" or not given.token:
            return _unknown()
        try:
            sessions.act_as(api_tokens.admit(given.token, sessions.current_address(), now()))
        except NotAdmitted:
            return _unknown(REFUSED, ' error="invalid_token"')
        except TooManyTries as problem:
            return problems.tell(429, f"Too many tokens that let nobody in. Wait {in_words(problem.seconds)}.",
                                 {"Retry-After": str(problem.seconds)})
        return view(*args, **kwargs)

    marked: Any = guarded
    marked.guard = "token"
    return guarded


def _unknown(detail: str = "", error: str = "") -> Response:
    return problems.tell(401, detail, {"WWW-Authenticate": f'Bearer realm="SecondRead"{error and ","}{error}'})
