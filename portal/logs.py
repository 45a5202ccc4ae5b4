"""One log line per request that failed, with the id that the person was shown."""

from __future__ import annotations

import logging
import secrets

from flask import Flask, g, has_request_context

FORMAT = "%(asctime)s %(levelname)s %(request_id)s %(name)s %(message)s"


class RequestIds(logging.Filter):
    """Adds the request's id to every record; a dash outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = g.get("request_id", "-") if has_request_context() else "-"
        return True


def init_app(app: Flask) -> None:
    """Give every request an id and every log line of the portal that id."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(RequestIds())
    portal = logging.getLogger("portal")
    portal.handlers = [handler]
    portal.setLevel(logging.INFO)

    @app.before_request
    def name_request() -> None:
        g.request_id = secrets.token_hex(5)
