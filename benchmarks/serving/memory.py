"""Memory of a process and all its children, as Linux counts it, in MB (1,000,000 bytes)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
PEAK_SINCE_NOW = "5"
"""Written to `clear_refs`, it sets a process's peak back to what it uses now (see proc(5))."""


def shared_fairly(pid: int) -> float:
    """PSS of the tree: pages that several of its processes share count once."""
    return sum(_kilobytes(one, "smaps_rollup", "Pss:") for one in tree(pid)) * 1.024e-3


def resident(pid: int) -> float:
    """RSS of the tree: shared pages count in each process."""
    return sum(_kilobytes(one, "status", "VmRSS:") for one in tree(pid)) * 1.024e-3


def peak(pid: int) -> float:
    """The sum of each process's highest RSS, which no moment of the tree was above."""
    return sum(_kilobytes(one, "status", "VmHWM:") for one in tree(pid)) * 1.024e-3


def forget_peak(pid: int) -> None:
    """Let peaks count from now on."""
    for one in tree(pid):
        with suppress(OSError):
            (PROC / str(one) / "clear_refs").write_text(PEAK_SINCE_NOW, encoding="ascii")


def tree(pid: int) -> list[int]:
    """The process and all that it started."""
    found = [pid]
    with suppress(OSError):
        for children in (PROC / str(pid) / "task").glob("*/children"):
            for child in children.read_text(encoding="ascii").split():
                found += tree(int(child))
    return found


def _kilobytes(pid: int, file: str, field: str) -> int:
    with suppress(OSError):
        for line in (PROC / str(pid) / file).read_text(encoding="ascii").splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0
