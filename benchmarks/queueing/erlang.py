"""Waiting in M/M/c, by formula: what the simulation is held against."""

from __future__ import annotations


def waits_at_all(workers: int, load: float) -> float:
    """Erlang C: the share of arrivals that find every worker busy. `load` is arrival rate × mean service time."""
    blocked = 1.0
    for number in range(1, workers + 1):
        blocked = load * blocked / (number + load * blocked)
    return workers * blocked / (workers - load * (1 - blocked))


def mean_wait(workers: int, load: float, service: float) -> float:
    """Mean seconds before service begins, first come first served; `service` is its mean in seconds."""
    return waits_at_all(workers, load) * service / (workers - load)
