"""The one argument of a rival that starts itself."""

from __future__ import annotations

import sys


def port() -> int:
    """The port to listen on."""
    return int(sys.argv[1])
