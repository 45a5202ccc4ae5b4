"""The measured slides as a table to read."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

TARGET_EFFICIENCY, TARGET_MB, TARGET_SHARE = 0.8, 1500, 0.6


def summary(rounds: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds; memory is the highest."""
    names = ("seconds", "tiles", "tiles_per_second", "bare_per_second", "efficiency")
    middle = {name: median(one[name] for one in rounds) for name in names}
    shares = {name: median(one["shares"][name] for one in rounds) for name in rounds[0]["shares"]}
    return {**middle, "shares": shares, "peak_mb": max(one["peak_mb"] for one in rounds)}


def markdown(found: Mapping[str, Any]) -> str:
    """What was read how fast, beside what, and whether the targets held."""
    on, one, side = found["machine"], found["reading"], found["side"]
    shares = one["shares"]
    lines = [
        f"# A slide of {side:,} × {side:,} pixels read by PCam", "",
        "One job of one worker, from its asking to its prediction: plan with gate and tissue, parts, database,",
        "combined answer. The bare rate is the same graph with the same batch and threads on random input, before",
        f"and after each round; medians of {len(found['rounds'])} rounds.", "",
        "| | tiles per second | seconds per slide | peak memory, MB |", "|---|---|---|---|",
        f"| SecondRead, {found['threads']} threads | {one['tiles_per_second']:.1f} | {one['seconds']:.1f} | "
        f"{one['peak_mb']:.0f} |",
        f"| the bare network | {one['bare_per_second']:.1f} | | |",
        *(_rival(rival) for rival in found["rivals"]), "",
        f"- {one['tiles']:.0f} tiles of 96×96 pixels at 0.97 µm; {found['um_per_px']:.4g} µm per pixel of the slide.",
        f"- Threads' time: reading {shares['reading']:.0%}, preprocessing {shares['preprocessing']:.0%}, "
        f"inference {shares['inference']:.0%}.",
        f"- Efficiency against the bare rate: {one['efficiency']:.0%} (target: at least {TARGET_EFFICIENCY:.0%}: "
        f"{_held(one['efficiency'] >= TARGET_EFFICIENCY)}).",
        f"- Peak memory: {one['peak_mb']:.0f} MB (target: under {TARGET_MB}: {_held(one['peak_mb'] < TARGET_MB)}).",
        *_hosts(found["hosts"]), *(f"- Not measured: {why}" for why in found["not_measured"]), "",
        f"`{found['command']}`, seed {found['seed']}, on {on['cpu']}, {on['cores']} cores, {on['memory_gb']} GB, "
        f"{on['system']}; {on['date']}; load before: {on['load_before']}, after: {found['load_after']}.",
        ", ".join(f"{name} {version}" for name, version in on["portal"].items()) + ".", "",
    ]
    return "\n".join(lines)


def _rival(one: Mapping[str, Any]) -> str:
    return f"| {one['name']} | {one['tiles_per_second']:.1f} | {one['seconds']:.1f} | {one['peak_mb']:.0f} |"


def _hosts(hosts: Mapping[str, Any] | None) -> list[str]:
    if not hosts:
        return []
    one, two = (median(round_[name] for round_ in hosts["rounds"]) for name in ("one", "two"))
    share = median(round_["share"] for round_ in hosts["rounds"])
    return [f"- {hosts['slides']} equal slides of {hosts['side']:,} pixels a side over Redis and MariaDB, each worker "
            f"on a host (network namespace) and a core of its own: one worker {one:.1f} s, two {two:.1f} s, "
            f"{share:.2f} of its time (target: at most {TARGET_SHARE}: {_held(share <= TARGET_SHARE)})."]


def _held(yes: bool) -> str:
    return "held" if yes else "**not held**"
