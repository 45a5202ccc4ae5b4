"""The simulated queue as tables to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(found: Mapping[str, Any]) -> str:
    """Costs, assumptions, what n workers carry, one hospital over n workers, and the check against formulas."""
    habits = found["habits"]
    return "\n".join([
        "# How long jobs wait", "",
        "A discrete-event simulation of the portal's queue: the owner with the fewest running jobs first, then the one "
        "whose last turn is oldest;", "turns of 20 s. Waiting is all the time in which a job is there and nobody works "
        "on it, before its first turn and between turns.", "",
        *_warning(found["costs"]),
        "## What a job costs one worker", "", "| job | seconds | from | command |", "|---|---|---|---|",
        *(f"| {one['kind']} | {one['seconds']:.1f} | {one['how']} | `{one['command']}` |" for one in found["costs"]),
        "", "## What is assumed of a hospital", "",
        f"- Arrivals are Poisson; share of the day's per hour from 6 to 17 h, in hundredths: "
        f"{', '.join(f'{one:g}' for one in habits['hours'][6:18])}.",
        f"- {habits['bulk_share']:.0%} of the slides come in batches of {habits['batch']} of one owner each; the rest "
        f"one by one, {habits['slides_per_reader']} per reader and day.",
        "- Beside each slide come, one by one: "
        + ", ".join(f"{share:g} {kind}" for kind, share in habits["beside"]) + ".",
        f"- Slides differ: log-normal, standard deviation {habits['spread']:.0%} of the mean. Other jobs cost the same "
        "each time.",
        "- Each worker has a core of its own and does nothing else; files, database and broker are not the bottleneck.",
        f"- Every run is of {found['slides_simulated']:,} slides, and of {found['days_at_least']} days at least.", "",
        "## Slides a day that n workers carry", "",
        "With a 95th percentile of waiting under ten minutes, and the day's work done by six the next morning on 95 % "
        "of days.", "",
        "| workers | slides a day, those sent one by one wait under 10 min | their p95, s | p95 in bulk, min "
        "| busy, whole day | work of the busiest hour / what fits "
        "| slides a day, those in bulk wait under 10 min too |",
        "|---|---|---|---|---|---|---|", *(_carried(one) for one in found["carried"]), "",
        f"![Waiting by slides a day](../../docs/pictures/{found['picture']})", "",
        f"## {found['example_slides']} slides a day with n workers", "",
        "Kinds that wait under a second (p99) are left out; all are in `queueing.json`.", "",
        "| workers | busy | jobs | mean wait, s | p50, s | p95, s | p99, s | p95 until the first turn, s |",
        "|---|---|---|---|---|---|---|---|", *(row for one in found["example"] for row in _waiting(one)), "",
        "## The same day, first come first served", "",
        "What the fair rule is worth: nothing else differs.", "",
        "| workers | slides, p95 wait in s | fair turns | first come, first served |", "|---|---|---|---|",
        *(row for one in found["rule"] for row in _rule(one)), "",
        "## Against Erlang's formula", "",
        "M/M/c, one owner, mean service 1 s, 100,000 arrivals; `tests/unit/benchmarks/test_queueing.py` repeats some.",
        "",
        "| workers | busy | mean wait, simulated | formula | difference |", "|---|---|---|---|---|",
        *(f"| {one['workers']} | {one['use']:.0%} | {one['simulated']:.3f} | {one['formula']:.3f} | "
          f"{one['simulated'] / one['formula'] - 1:+.1%} |" for one in found["formula"]), "",
        f"`{found['command']}`, seed {found['seed']}, {found['date']}.", "",
    ])


def _warning(costs: Sequence[Mapping[str, Any]]) -> list[str]:
    assumed = [one for one in costs if not one["measured"]]
    return [f"**The cost of a {one['kind']} was not measured: {one['seconds']:g} s is an assumption, and every figure "
            "below hangs on it.**\n" for one in assumed]


def _carried(one: Mapping[str, Any]) -> str:
    single, both = one["single"], one["both"]
    if single is None:
        return f"| {one['workers']} | none | | | | | none |"
    waits = single["waiting"]
    alone, bulk = waits["slide, one by one"], waits.get("slide, in bulk")
    return (f"| {one['workers']} | {single['slides']:,.0f} | {alone['p95']:.0f} | "
            f"{bulk['p95'] / 60 if bulk else 0:.0f} | {single['utilisation']:.0%} | {single['peak']:.0%} | "
            f"{format(both['slides'], ',.0f') if both else 'none'} |")


def _waiting(one: Mapping[str, Any]) -> list[str]:
    return [f"| {one['workers']} | {one['utilisation']:.1%} | {name} | {held['mean']:,.0f} | {held['p50']:,.0f} | "
            f"{held['p95']:,.0f} | {held['p99']:,.0f} | {held['first']:,.0f} |"
            for name, held in one["waiting"].items() if held["p99"] >= 1]


def _rule(one: Mapping[str, Any]) -> list[str]:
    fair, plain = one["fair"], one["plain"]
    return [f"| {fair['workers']} | {name.partition(', ')[2]} | {fair['waiting'][name]['p95']:,.0f} | "
            f"{plain['waiting'][name]['p95']:,.0f} |" for name in fair["waiting"] if name.startswith("slide")]
