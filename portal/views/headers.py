"""Headers that every answer carries, error pages included."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request
from werkzeug.wrappers import Response as AnyResponse

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
FOR_FILES = ("default-src 'none'; object-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
             "base-uri 'none'; sandbox")
FOR_PAPER = "object-src 'none'; frame-ancestors 'none'; base-uri 'none'"
"""Not every browser shows a PDF in a sandbox. The portal draws these itself."""
NEVER_KEPT = ("text/html", "application/json", "application/problem+json")


def init_app(app: Flask) -> None:
    """Set the headers; pages are never cached, for the next person at this screen may be another."""
    app.context_processor(lambda: {"nonce": nonce})

    @app.after_request
    def add_headers(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = _policy(answer)
        answer.headers.extend({name: value for name, value in FIXED.items() if name not in answer.headers})
        if request.is_secure:
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if answer.mimetype in NEVER_KEPT:
            answer.headers["Cache-Control"] = "no-store"
        return answer


def nonce() -> str:
    """The word by which this answer's own scripts are known; another answer has another."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _policy(answer: Response) -> str:
    """A page runs the scripts that its templates name, and nothing that came in otherwise. What is no page, such as a
    patient's image, runs and loads nothing even when a browser takes it for one; its own viewer may style it.
    """
    if answer.mimetype == "application/pdf":
        return FOR_PAPER
    if answer.mimetype != "text/html":
        return FOR_FILES
    return "; ".join((
        "default-src 'self'", "img-src 'self' data: blob:", "style-src 'self'", f"script-src 'nonce-{nonce()}'",
        "object-src 'none'", "frame-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"))


def cleared(answer: AnyResponse) -> AnyResponse:
    """The answer that ends a login: the browser forgets what it kept of this portal, patients' pictures above all.

    Browsers heed it over HTTPS and on their own machine only. Cookies stay: one of them knows this browser again.
    """
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def kept_private(answer: Response) -> Response:
    """A patient's picture: the browser asks each time whether it may still show it, and is then answered shortly."""
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
