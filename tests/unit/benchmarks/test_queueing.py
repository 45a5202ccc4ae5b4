"""The simulated queue: it agrees with the formulas where there are any, else with the portal's rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.queueing import figures
from benchmarks.queueing.costs import Cost, slide_cost
from benchmarks.queueing.erlang import mean_wait, waits_at_all
from benchmarks.queueing.hospital import DAY, Habits, days_of
from benchmarks.queueing.simulation import SLICE_SECONDS, Task, simulate


def task(owner: str, arrived: float = 0.0, seconds: float = 60.0, gives_way: bool = True) -> Task:
    return Task(kind="slide", owner=owner, arrived=arrived, seconds=seconds, gives_way=gives_way)


def test_erlangs_formula_gives_the_known_values() -> None:
    assert waits_at_all(1, 0.7) == pytest.approx(0.7)
    assert waits_at_all(2, 1.0) == pytest.approx(1 / 3)
    assert mean_wait(1, 0.5, 1.0) == pytest.approx(1.0)


@pytest.mark.parametrize(("workers", "use"), [(1, 0.5), (1, 0.7), (2, 0.7), (4, 0.8), (8, 0.8)])
def test_without_owners_to_choose_from_the_mean_wait_is_erlangs(workers: int, use: float) -> None:
    found = figures.against_formula(workers, use, arrivals=60_000)
    assert found["simulated"] == pytest.approx(found["formula"], rel=0.06)


def test_a_steady_cost_halves_the_wait_as_pollaczek_and_khinchine_say() -> None:
    arrivals = np.cumsum(np.random.default_rng(1).exponential(1 / 0.7, 60_000))
    tasks = [task("one", float(at), 1.0) for at in arrivals]
    simulate(tasks, 1)
    assert np.mean([one.waited for one in tasks]) == pytest.approx(0.7 / 2 / 0.3, rel=0.06)


def test_five_hundred_jobs_of_one_owner_cost_anothers_job_a_turn_between_its_own() -> None:
    many, one = [task("bulk") for _ in range(500)], task("single", arrived=100.0)
    simulate([*many, one], 1)
    assert one.started - one.arrived <= SLICE_SECONDS
    assert one.waited <= 3 * SLICE_SECONDS


def test_a_job_that_keeps_no_parts_ends_its_turn_when_it_is_done() -> None:
    export, slide = task("one", seconds=300.0, gives_way=False), task("two", arrived=1.0)
    simulate([export, slide], 1)
    assert export.ended == 300.0
    assert slide.started == 300.0


def test_the_owner_with_the_fewest_running_jobs_is_next_also_on_two_workers() -> None:
    first, second, other = task("a"), task("a"), task("b", arrived=5.0)
    simulate([first, second, other], 2)
    assert other.started == SLICE_SECONDS
    assert first.waited + second.waited > other.waited


def test_within_an_owner_the_job_asked_for_first_is_finished_first() -> None:
    tasks = [task("a", arrived=float(at)) for at in range(4)]
    simulate([*tasks, task("b")], 1)
    assert [one.ended for one in tasks] == sorted(one.ended for one in tasks)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 500), st.floats(0.5, 90)), min_size=1, max_size=25),
       st.integers(1, 4))
def test_all_work_is_done_once_and_no_worker_rests_while_one_waits(
        jobs: list[tuple[str, float, float]], workers: int) -> None:
    tasks = [task(owner, at, seconds) for owner, at, seconds in jobs]
    busy = simulate(tasks, workers)
    work = sum(one.seconds for one in tasks)
    assert busy == pytest.approx(work)
    assert all(one.ended >= one.arrived + one.seconds - 1e-6 for one in tasks)
    end, last = max(one.ended for one in tasks), max(one.arrived for one in tasks)
    assert end <= last + work + 1e-6
    alone = [replace(one) for one in tasks]
    simulate(alone, 1)
    assert end <= max(one.ended for one in alone) + 1e-6


def test_a_day_brings_what_was_asked_for_in_its_working_hours() -> None:
    costs = {kind: Cost(kind=kind, seconds=60.0, how="", command="")
             for kind in ("slide", "ER region", "folder of images", "export")}
    tasks = days_of(Habits(), costs, 200, 20, np.random.default_rng(1))
    slides = [one for one in tasks if one.kind == "slide"]
    assert len(slides) / 20 == pytest.approx(200, rel=0.1)
    assert np.mean([one.seconds for one in slides]) == pytest.approx(60, rel=0.05)
    assert all(6 * 3600 <= one.arrived % DAY < 18 * 3600 for one in tasks)


def test_a_slide_that_nobody_measured_must_be_assumed_aloud(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--slide-seconds"):
        slide_cost(tmp_path / "slides.json", None)
    assert not slide_cost(tmp_path / "slides.json", 30.0).measured
    (tmp_path / "slides.json").write_text('{"seconds_per_slide": 41.5, "command": "python -m benchmarks.slides"}')
    assert slide_cost(tmp_path / "slides.json", None).seconds == 41.5
