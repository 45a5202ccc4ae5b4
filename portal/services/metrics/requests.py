"""Counts requests where they are answered. Labels come from the route map and never from what was sent."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NO_ROUTE = "(none)"
LOGIN, REFUSED = "auth.login", 400

REQUESTS = Counter("secondread_requests", "Requests answered, by route pattern, method and class of status.",
                   ("route", "method", "status"))
LATENCY = Histogram("secondread_request_seconds", "Seconds from a request's arrival to its answer's first byte.",
                    ("route",), buckets=SECONDS)
LOGINS_FAILED = Counter("secondread_logins_failed", "Logins refused: wrong password, slowed down, or not approved.")
SPENT = Counter("secondread_limits_reached", "Requests refused because as much as may be was sent or taken away in "
                                             "this hour.", ("what",))


def method_of(method: str) -> str:
    """One of the known methods: anybody may invent others."""
    return method if method in METHODS else "OTHER"


def count_request(route: str, endpoint: str, method: str, status: int, seconds: float) -> None:
    """Count one answer; `route` is the pattern, or NO_ROUTE."""
    REQUESTS.labels(route, method_of(method), f"{status // 100}xx").inc()
    LATENCY.labels(route).observe(seconds)
    if endpoint == LOGIN and method == "POST" and status >= REFUSED:
        LOGINS_FAILED.inc()


def count_spent(what: str) -> None:
    """Count one request that was refused by an hour's limit; `what` is a name of ours."""
    SPENT.labels(what).inc()
