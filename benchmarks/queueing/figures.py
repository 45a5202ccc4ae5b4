"""What the simulated days say: waiting times, how busy the workers are, and how many slides a day they carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks.queueing.costs import SLIDE, Cost
from benchmarks.queueing.erlang import mean_wait
from benchmarks.queueing.hospital import DAY, Habits, days_of, seconds_per_day
from benchmarks.queueing.simulation import Task, simulate

LIMIT_SECONDS = 600
MORNING = 6 * 3600
LATE_DAYS = 0.05
SLIDES_SIMULATED = 3000
DAYS_AT_LEAST = 3
SEED = 5


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Seconds in which jobs were there and nobody worked on them; `first` until the first turn, 95th percentile."""

    jobs: int
    mean: float
    p50: float
    p95: float
    p99: float
    first: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Some days with so many slides and workers. `late`: share of days whose work was not done by six next morning."""

    workers: int
    slides: float
    days: int
    utilisation: float
    peak: float
    late: float
    waiting: dict[str, Waiting]


def outcome_of(habits: Habits, costs: Mapping[str, Cost], slides: float, workers: int, *, fair: bool = True) -> Outcome:
    """Simulates. Not fair: first come, first served, whoever it belongs to."""
    days = max(DAYS_AT_LEAST, round(SLIDES_SIMULATED / slides))
    tasks = days_of(habits, costs, slides, days, np.random.default_rng(SEED))
    served = tasks if fair else [replace(task, owner="everybody") for task in tasks]
    busy = simulate(served, workers)
    for task, done in zip(tasks, served, strict=True):
        task.started, task.ended = done.started, done.ended
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(f"{task.kind}, {task.owner.partition(':')[0]}", []).append(task)
    return Outcome(workers=workers, slides=slides, days=days, utilisation=busy / (workers * days * DAY),
                   peak=_peak(habits, costs, slides, workers), late=_late(tasks, days),
                   waiting={name: _waiting(group) for name, group in sorted(groups.items(), reverse=True)})


def carried(habits: Habits, costs: Mapping[str, Cost], workers: int, fits: Callable[[Outcome], bool]) -> Outcome | None:
    """The most slides a day, within 3 %, that so many workers carry."""
    low, high = 1.0, workers * DAY / seconds_per_day(habits, costs, 1)
    best = None
    while high / low > 1.03:
        tried = outcome_of(habits, costs, (low * high) ** 0.5, workers)
        low, high, best = (tried.slides, high, tried) if fits(tried) else (low, tried.slides, best)
    return best


def in_time(groups: Sequence[str]) -> Callable[[Outcome], bool]:
    """Whether 95 % of the slides of these senders wait under ten minutes, and the night is long enough."""
    names = [f"{SLIDE}, {group}" for group in groups]

    def fits(one: Outcome) -> bool:
        return one.late <= LATE_DAYS and all(one.waiting[name].p95 < LIMIT_SECONDS
                                             for name in names if name in one.waiting)

    return fits


def against_formula(workers: int, use: float, arrivals: int = 100_000) -> dict[str, float]:
    """Mean wait of M/M/c, simulated and by Erlang's formula, for a mean service of one second."""
    rng = np.random.default_rng(SEED)
    at = np.cumsum(rng.exponential(1 / (use * workers), arrivals))
    tasks = [Task(kind="any", owner="one", arrived=float(moment), seconds=float(seconds))
             for moment, seconds in zip(at, rng.exponential(1, arrivals), strict=True)]
    simulate(tasks, workers)
    return {"workers": workers, "use": use, "simulated": float(np.mean([task.waited for task in tasks])),
            "formula": mean_wait(workers, use * workers, 1.0)}


def as_plain(outcome: Outcome | None) -> dict[str, Any] | None:
    return asdict(outcome) if outcome else None


def _waiting(tasks: Sequence[Task]) -> Waiting:
    waited = np.array([task.waited for task in tasks])
    p50, p95, p99 = (float(one) for one in np.percentile(waited, (50, 95, 99)))
    first = float(np.percentile([task.started - task.arrived for task in tasks], 95))
    return Waiting(jobs=len(tasks), mean=float(waited.mean()), p50=p50, p95=p95, p99=p99, first=first)


def _peak(habits: Habits, costs: Mapping[str, Cost], slides: float, workers: int) -> float:
    """Work that the busiest hour brings, as a share of what the workers can do in it."""
    return seconds_per_day(habits, costs, slides) * max(habits.hours) / sum(habits.hours) / (workers * 3600)


def _late(tasks: Sequence[Task], days: int) -> float:
    late = {int(task.arrived // DAY) for task in tasks if task.ended > (task.arrived // DAY + 1) * DAY + MORNING}
    return len(late) / days


