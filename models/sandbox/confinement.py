"""What a process gives up for good before it sees a foreign byte: files, network, new rights, core dumps."""

from __future__ import annotations

import ctypes
import fcntl
import math
import os
import resource
import signal
from pathlib import Path

_NO_NEW_PRIVILEGES, _DUMPABLE = 38, 4
_NEW_USER, _NEW_NETWORK = 0x1000_0000, 0x4000_0000
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_EVERY_FILE_RIGHT = (1 << 13) - 1
"""Those of Landlock's first version, which every kernel with Landlock knows."""
_MOST_FILES = 32


def confine(files: bool = True) -> None:
    """Call once, when everything is imported; `files`: whether those are given up.

    What a kernel or container does not offer is left out silently: limits of memory and time hold everywhere, being
    without files and network is a second wall.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    libc.unshare(_NEW_USER | _NEW_NETWORK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if files:
        _give_up_files(libc)
        resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_FILES, _MOST_FILES))


def _give_up_files(libc: ctypes.CDLL) -> None:
    """By Landlock: nothing new can be opened; what is open stays so."""
    rights = ctypes.c_uint64(_EVERY_FILE_RIGHT)
    rules = libc.syscall(_LANDLOCK_CREATE, ctypes.byref(rights), ctypes.c_size_t(8), 0)
    if rules >= 0:
        libc.syscall(_LANDLOCK_RESTRICT, rules, 0)
        os.close(rules)


def end_with(leash: int) -> None:
    """Have the kernel end this process when the other end of the pipe closes, even inside a decoder that hangs.

    The parent-death signal would come when the *thread* ends that started us.
    """
    fcntl.fcntl(leash, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(leash, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    signal.signal(signal.SIGIO, signal.SIG_DFL)


def address_space() -> int:
    """Bytes of address space of this process; to be asked before files are given up."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def allow(*, seconds: float, wall: float, address_space: int, output: int) -> None:
    """Limits for the next picture. The kernel keeps them: no decoder has to look at a clock."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds))
    _set(resource.RLIMIT_AS, address_space)
    _set(resource.RLIMIT_FSIZE, output)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, wall)


def at_rest() -> None:
    """No clock runs while nothing is decoded."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _set(which: int, value: int) -> None:
    resource.setrlimit(which, (value, resource.getrlimit(which)[1]))
