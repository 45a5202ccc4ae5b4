"""The table, as aligned Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.serving.measure import Junk, Round
from benchmarks.serving.summary import BASE, PORTAL, Row, Target, row, targets

Table = list[list[str]]
RATIOS_TO = "FastAPI + torch"


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that one run of the benchmark found."""

    machine: dict[str, object]
    requests: int
    titles: dict[str, str]
    rounds: dict[str, list[Round]]
    whole_starts: list[float]
    """Seconds from `./run.sh`, everything installed, to the first page."""
    command: str


def markdown(run: Run) -> str:
    """The report for people."""
    rows = rows_of(run)
    lines = [
        "# Serving one leukemia image", "",
        "One 800×600 JPEG per request over HTTP, no two alike, each server alone and in turn. A request",
        "to the portal ends with a stored file, a committed row and a heat map, behind login and CSRF; the",
        f"others answer with a class only. In brackets: the ratio to {RATIOS_TO}.", "",
        *aligned(_load_table(rows)), "",
        *aligned(_junk_table(rows)), "",
    ]
    if PORTAL in rows:
        lines += [*aligned(_target_table(targets(rows))), ""]
        whole = median(run.whole_starts)
        lines += [f"`./run.sh` with everything installed, to the first page: {whole:.1f} s.", ""]
    wrong = [f"{one.title}: {one.wrong}" for one in rows.values() if one.wrong]
    lines += [f"**Images that were not scored: {', '.join(wrong)}.**", ""] if wrong else []
    return "\n".join([*lines, *_machine_lines(run), ""])


def write(run: Run, folder: Path) -> None:
    """Leave `serving.md` and `serving.json` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serving.md").write_text(markdown(run), encoding="utf-8")
    rows = rows_of(run)
    facts = {
        "machine": run.machine, "command": run.command, "requests_per_load": run.requests,
        "whole_start_seconds": run.whole_starts, "rows": {key: asdict(one) for key, one in rows.items()},
        "targets": [asdict(one) for one in targets(rows)] if PORTAL in rows else [],
        "rounds": {key: [_facts(one) for one in rounds] for key, rounds in run.rounds.items()},
    }
    (folder / "serving.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def rows_of(run: Run) -> dict[str, Row]:
    """One row per server."""
    return {key: row(run.titles[key], rounds) for key, rounds in run.rounds.items()}


def _facts(one: Round) -> dict[str, object]:
    """A round without its single times, which the percentiles of the rows sum up."""
    loads = [{"clients": load.clients, "p50": median(load.ms), "per_second": len(load.ms) / load.seconds}
             for load in one.loads]
    return {**asdict(one), "loads": loads}


def _load_table(rows: Mapping[str, Row]) -> Table:
    columns = _columns(list(next(iter(rows.values())).rates))
    base = rows.get(BASE)
    table = [["server", *(name for name, _, _ in columns)]]
    for one in rows.values():
        table.append([one.title, *(_ratio(value(one), base and value(base), digits)
                                   for _, value, digits in columns)])
    return table


def _columns(clients: list[int]) -> list[tuple[str, Callable[[Row], float], int]]:
    """Name, figure and digits of each column."""
    rates = [(f"{number} client{'s' * (number > 1)}, requests/s", partial(_rate, number), 0)
             for number in clients]
    return [
        ("p50 ms", lambda one: one.p50, 1), ("p95 ms", lambda one: one.p95, 1), *rates,
        ("memory MB", lambda one: one.memory_mb, 0), ("peak MB", lambda one: one.peak_mb, 0),
        ("start s", lambda one: one.start_seconds, 2),
    ]


def _rate(clients: int, one: Row) -> float:
    return one.rates[clients]


def _ratio(value: float, base: float | Row | None, digits: int) -> str:
    return f"{value:.{digits}f} ({value / base:.2f}×)" if isinstance(base, float) else f"{value:.{digits}f}"


def _junk_table(rows: Mapping[str, Row]) -> Table:
    table = [["server", "text named .jpg", "ms", "160 KB PNG of 169 megapixels", "ms", "memory grew by MB"]]
    for one in rows.values():
        text, bomb = one.junk["text"], one.junk["bomb"]
        table.append([one.title, _said(text), f"{median(text.ms):.1f}", _said(bomb), f"{median(bomb.ms):.1f}",
                      f"{bomb.growth_mb:.0f}"])
    return table


def _said(junk: Junk) -> str:
    return f"{junk.status}, {'a class' if junk.outcome == 'scored' else junk.outcome}"


def _target_table(found: list[Target]) -> Table:
    return [["target", "measured", ""], *([one.wanted, one.measured, "held" if one.held else "MISSED"]
                                          for one in found)]


def aligned(table: Table) -> list[str]:
    """A Markdown table whose columns also line up in a terminal."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
             for line in table]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _machine_lines(run: Run) -> list[str]:
    facts = run.machine
    rounds = len(next(iter(run.rounds.values())))
    return [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']};",
        f"{facts['date']}; load before: {facts['load_before']};",
        f"{rounds} × {run.requests} requests per number of clients.", "",
        f"- portal: {_versions(facts['portal'])}", f"- others: {_versions(facts['rivals'])}",
        "- p50, p95: at one client, over all rounds; the rest: medians of the rounds.",
        "- memory: PSS of all its processes after the load; peak: the sum of each one's highest RSS.",
        f"- command: `{run.command}`",
    ]


def _versions(versions: object) -> str:
    return ", ".join(f"{name} {version}" for name, version in dict(versions).items())  # type: ignore[call-overload]
