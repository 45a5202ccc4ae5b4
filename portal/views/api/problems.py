"""Failures as programs read them: RFC 9457, `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from flask import Response, abort, g, json, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

PREFIX = "/api/"
CONTENT_TYPE = "application/problem+json"
HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
DETAILS = {
    400: "The request cannot be understood. Check its form against the documentation.",
    401: "Send a personal token as “Authorization: Bearer sr_…”. One is made on the account page.",
    404: "There is nothing here, or it belongs to somebody else.",
    405: "This address does not answer that method.",
    413: "What was sent is larger than this portal accepts.",
    415: "This address does not take that kind of content.",
    422: "What was sent breaks a rule.",
    429: "Too many tries. Wait and try again.",
    500: "Something failed on our side. Try again; if it fails again, tell your administrator the request id.",
    503: "Not available right now. Try again in a minute.",
    507: "There is no room to keep it. Tell your administrator.",
}


def is_asked() -> bool:
    """Whether a program is asking, whatever address below the API it asks for."""
    return request.path.startswith(PREFIX)


def tell(status: int, detail: str = "", headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """One failure; `more` are members beside those of the standard."""
    body = {"type": "about:blank", "title": HTTP_STATUS_CODES.get(status, "Unknown"), "status": status,
            "detail": detail or DETAILS.get(status, DETAILS[500 if status >= 500 else 400]),
            "request_id": g.get("request_id", "-"), **more}
    return Response(json.dumps(body), status, headers, content_type=CONTENT_TYPE)


def tell_http(problem: HTTPException) -> Response:
    """A failure that a view, the router or the reader of arguments raised."""
    if problem.response is not None:
        return problem.response  # type: ignore[return-value]
    headers = {name: value for name, value in problem.get_headers() if name in HEADERS}
    errors = getattr(problem, "data", {}).get("messages", {})
    if not errors:
        return tell(problem.code or 500, headers=headers)
    return tell(problem.code or 422, " ".join(_sentences(errors)), headers, errors=errors)


def refuse(status: int, detail: str, **more: Any) -> NoReturn:
    """End the request with this failure."""
    abort(tell(status, detail, **more))


def _sentences(errors: Mapping[str, Any]) -> list[str]:
    """What is wrong with each field, by its path; the place that it was read from says nothing to a person."""
    return [f"{'.'.join(path)}: {' '.join(texts)}" if path else " ".join(texts)
            for fields in errors.values() for path, texts in _leaves(fields, ())]


def _leaves(held: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], list[str]]]:
    if not isinstance(held, Mapping):
        return [(path, [str(one) for one in held])]
    return [leaf for name, inner in held.items()
            for leaf in _leaves(inner, path if name == "_schema" else (*path, str(name)))]
