"""How long a call takes: the median for what a user waits, the least for comparing on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

REPEATS = 60
WARM = 5


def median_ms(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median time of a call, after WARM that do not count."""
    return round(float(np.median(_times(call, repeats))) * 1000, 2)


def least_ms(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Shortest time of a call: other work on the machine lengthens a call, and never shortens one."""
    return round(min(_times(call, repeats)) * 1000, 2)


def _times(call: Callable[[], Any], repeats: int) -> list[float]:
    for _ in range(WARM):
        call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return times
