"""A folder that may not be read can be read by root, as whom tests may run: not here."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION = 0x20080522
_PAST_MODES = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """Within the block the modes of files hold for this thread, whoever it is."""
    header, held = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    _called(_libc.capget, header, held)
    effective = held[0]
    held[0] = effective & ~_PAST_MODES
    _called(_libc.capset, header, held)
    try:
        yield
    finally:
        held[0] = effective
        _called(_libc.capset, header, held)


def _called(function: ctypes._NamedFuncPointer, *arguments: object) -> None:
    if function(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
