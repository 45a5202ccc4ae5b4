"""Working days of a hospital as a list of jobs: who brings what, and when. Nobody measured these; they are assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.queueing.costs import SLIDE, Cost
from benchmarks.queueing.simulation import Task

DAY = 86_400.0
SINGLE, BULK = "one by one", "in bulk"


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What is assumed of those who send slides, apart from how many they are."""

    hours: tuple[float, ...] = (0, 0, 0, 0, 0, 0, 2, 6, 14, 16, 14, 10, 6, 8, 9, 8, 5, 2, 0, 0, 0, 0, 0, 0)
    """Share of a day's arrivals per hour, in hundredths: most of them in the morning."""
    bulk_share: float = 0.4
    batch: int = 40
    slides_per_reader: int = 15
    beside: tuple[tuple[str, float], ...] = (("ER region", 0.2), ("folder of images", 0.2), ("export", 0.02))
    """Other jobs per slide, brought one by one."""
    spread: float = 0.5
    """Standard deviation of a slide's cost, as a share of its mean (log-normal): slides differ in tissue."""


def days_of(habits: Habits, costs: Mapping[str, Cost], slides: float, days: int, rng: Generator) -> list[Task]:
    """All jobs of so many days, with `slides` of them a day in the mean. The same generator, the same days."""
    tasks = [task for day in range(days) for task in _day(habits, costs, slides, day, rng)]
    return sorted(tasks, key=lambda task: task.arrived)


def seconds_per_day(habits: Habits, costs: Mapping[str, Cost], slides: float) -> float:
    """Work that a day brings, in seconds of one worker."""
    return slides * (costs[SLIDE].seconds + sum(share * costs[kind].seconds for kind, share in habits.beside))


def _day(habits: Habits, costs: Mapping[str, Cost], slides: float, day: int, rng: Generator) -> list[Task]:
    alone = slides * (1 - habits.bulk_share)
    readers = max(1, round(alone / habits.slides_per_reader))
    tasks = []
    for kind, number in ((SLIDE, alone), *((kind, slides * share) for kind, share in habits.beside)):
        for at in _arrivals(habits, number, rng):
            owner = f"{SINGLE}: reader {rng.integers(readers)}"
            tasks.append(_task(habits, costs[kind], owner, day * DAY + at, rng))
    for number, at in enumerate(_arrivals(habits, slides * habits.bulk_share / habits.batch, rng)):
        tasks += [_task(habits, costs[SLIDE], f"{BULK}: scanner {number}", day * DAY + at, rng)
                  for _ in range(habits.batch)]
    return tasks


def _arrivals(habits: Habits, mean: float, rng: Generator) -> list[float]:
    """Seconds of a day: a Poisson process whose rate is constant within each hour."""
    total = sum(habits.hours)
    return [3600 * (hour + float(part)) for hour, share in enumerate(habits.hours)
            for part in rng.random(rng.poisson(mean * share / total))]


def _task(habits: Habits, cost: Cost, owner: str, at: float, rng: Generator) -> Task:
    seconds = cost.seconds
    if cost.kind == SLIDE:
        width = np.sqrt(np.log1p(habits.spread ** 2))
        seconds *= float(rng.lognormal(-width ** 2 / 2, width))
    return Task(kind=cost.kind, owner=owner, arrived=at, seconds=seconds, gives_way=cost.gives_way)
