"""Other processes as the kernel tells of them; one that ends while it is asked about is gone: no failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GONE = (FileNotFoundError, ProcessLookupError)


def children(pid: int | str = "self") -> set[int]:
    """Ids of those whom the threads of a process started, dead ones that nobody waited for among them."""
    found: set[int] = set()
    for thread in _threads(pid):
        with suppress(*GONE):
            found |= set(map(int, (thread / "children").read_text().split()))
    return found


def is_zombie(pid: int) -> bool:
    """Whether it is dead, and only waits to be waited for."""
    with suppress(*GONE):
        # The name before it may hold anything, blanks and brackets too.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    return False


def _threads(pid: int | str) -> Iterator[Path]:
    with suppress(*GONE):
        yield from Path(f"/proc/{pid}/task").iterdir()
