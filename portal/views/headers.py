"""Headers that every answer carries, error pages included."""

from __future__ import annotations

from flask import Flask, Response, request

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'self'", "img-src 'self' data: blob:", "style-src 'self'", "script-src 'self'",
    "object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"))

FIXED = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NEVER_KEPT = ("text/html", "application/json", "application/problem+json")


def init_app(app: Flask) -> None:
    """Set the headers; pages are never cached, for the next person at this screen may be another."""

    @app.after_request
    def add_headers(answer: Response) -> Response:
        answer.headers.extend({name: value for name, value in FIXED.items() if name not in answer.headers})
        if request.is_secure:
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if answer.mimetype in NEVER_KEPT:
            answer.headers["Cache-Control"] = "no-store"
        return answer


def kept_private(answer: Response) -> Response:
    """A patient's picture: the browser asks each time whether it may still show it, and is then answered shortly."""
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
