"""Who may read the metrics."""

from __future__ import annotations

import hmac
import ipaddress

from config import Settings


def may_read(settings: Settings, address: str, token: str, *, passed_on: bool) -> bool:
    """This machine, or whoever has the token. `passed_on`: an untrusted proxy asks in somebody's name."""
    if settings.metrics_token and hmac.compare_digest(token.encode(), settings.metrics_token.encode()):
        return True
    return not passed_on and _is_here(address)


def _is_here(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
