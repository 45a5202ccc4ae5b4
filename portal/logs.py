"""Gives every request an id, and writes a line when it is answered and one for whatever failed."""

from __future__ import annotations

import logging
import re
import secrets
import time

from flask import Flask, Response, g, has_request_context, request

from config import Settings
from portal.log_lines import Stderr, make_formatter
from portal.services.metrics import requests

log = logging.getLogger("portal.access")
HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


class RequestIds(logging.Filter):
    """Adds the request's id to every record; a dash outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = g.get("request_id", "-") if has_request_context() else "-"
        return True


def configure(settings: Settings) -> None:
    """One handler for all loggers of this process, whoever set up another before."""
    handler = Stderr()
    handler.setFormatter(make_formatter(settings.log_format))
    handler.addFilter(RequestIds())
    root = logging.getLogger()
    root.handlers = [*(one for one in root.handlers if not isinstance(one, Stderr)), handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("portal").setLevel(logging.INFO)


def init_app(app: Flask, settings: Settings) -> None:
    """Name every request, tell its name in the answer, and write and count that it was answered."""
    configure(settings)

    @app.before_request
    def name_request() -> None:
        g.request_began = time.perf_counter()
        g.request_id = request_id(settings, request.headers.get(HEADER, ""))

    @app.after_request
    def tell_answered(answer: Response) -> Response:
        answer.headers[HEADER] = g.get("request_id", "-")
        began = g.pop("request_began", None)
        if began is not None:
            _note(answer.status_code, time.perf_counter() - began)
        return answer


def request_id(settings: Settings, told: str) -> str:
    """The id that a trusted proxy gave, where it is well-formed; else a new one."""
    if settings.trusted_proxies and WELL_FORMED.fullmatch(told):
        return told
    return secrets.token_hex(8)


def _note(status: int, seconds: float) -> None:
    """The route's pattern and not the address: that one may hold what somebody typed into a search."""
    route = request.url_rule.rule if request.url_rule else requests.NO_ROUTE
    requests.count_request(route, request.endpoint or "", request.method, status, seconds)
    log.info("answered", extra={"method": requests.method_of(request.method), "route": route, "status": status,
                                "ms": round(seconds * 1000, 1), "user": _user_id()})


def _user_id() -> int | None:
    """Who asked, if that was found out at all; nobody is looked up for the log."""
    user_id = getattr(g.get("_login_user"), "id", None)
    return user_id if isinstance(user_id, int) else None
