"""From the rounds of one server to the figures of its row, and whether the portal holds its targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.serving.measure import Junk, Round

PORTAL, BASE = "portal", "fastapi"
JUNK_MS, JUNK_MB, START_SECONDS, MEMORY_SHARE = 50, 30, 2, 1 / 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One server's figures: ms, MB; medians over the rounds, percentiles over all requests."""

    title: str
    p50: float
    p95: float
    rates: dict[int, float]
    memory_mb: float
    resident_mb: float
    peak_mb: float
    idle_mb: float
    start_seconds: float
    wrong: int
    junk: dict[str, Junk]


def row(title: str, rounds: list[Round]) -> Row:
    """The figures of one server."""
    loads = [load for one in rounds for load in one.loads]
    fewest = min(load.clients for load in loads)
    times = [ms for load in loads if load.clients == fewest for ms in load.ms]
    rates = {clients: median(len(load.ms) / load.seconds for load in loads if load.clients == clients)
             for clients in sorted({load.clients for load in loads})}
    return Row(
        title=title, p50=median(times), p95=quantiles(times, n=20, method="inclusive")[-1], rates=rates,
        memory_mb=median(one.memory_mb for one in rounds),
        resident_mb=median(one.resident_mb for one in rounds),
        peak_mb=max(one.peak_mb for one in rounds), idle_mb=median(one.idle_mb for one in rounds),
        start_seconds=median(one.start_seconds for one in rounds), wrong=sum(load.wrong for load in loads),
        junk={junk.kind: junk for one in rounds for junk in one.junk},
    )


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the portal must reach, and what was measured."""

    wanted: str
    measured: str
    held: bool


def targets(rows: Mapping[str, Row]) -> list[Target]:
    """The line under the table of targets; what needs FastAPI's figures is left out without them."""
    ours, base = rows[PORTAL], rows.get(BASE)
    found = [Target(wanted=f"start to first page under {START_SECONDS} s",
                    measured=f"{ours.start_seconds:.2f} s", held=ours.start_seconds < START_SECONDS)]
    if base:
        found += _against(ours, base)
    return found + [_junk_target(junk) for junk in ours.junk.values()]


def _against(ours: Row, base: Row) -> list[Target]:
    found = [
        Target(wanted=f"p50 no slower than {base.title}",
               measured=f"{ours.p50:.1f} against {base.p50:.1f} ms", held=ours.p50 <= base.p50),
        Target(wanted=f"memory at most a third of {base.title}",
               measured=f"{ours.memory_mb:.0f} against {base.memory_mb:.0f} MB",
               held=ours.memory_mb <= base.memory_mb * MEMORY_SHARE),
    ]
    if 4 in ours.rates and 4 in base.rates:
        found.append(Target(wanted=f"requests per second at 4 clients above {base.title}",
                            measured=f"{ours.rates[4]:.0f} against {base.rates[4]:.0f}",
                            held=ours.rates[4] > base.rates[4]))
    return found


def _junk_target(junk: Junk) -> Target:
    name = {"text": "text named .jpg", "bomb": "PNG of 169 megapixels"}[junk.kind]
    slowest = max(junk.ms)
    return Target(
        wanted=f"{name} refused with 4xx in under {JUNK_MS} ms and {JUNK_MB} MB",
        measured=f"{junk.status}, slowest {slowest:.1f} ms, {junk.growth_mb:.0f} MB more",
        held=400 <= junk.status < 500 and slowest < JUNK_MS and junk.growth_mb < JUNK_MB,
    )
