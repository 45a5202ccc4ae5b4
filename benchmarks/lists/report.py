"""The measured lists as a table to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TARGET_MS = 150


def markdown(found: Mapping[str, Any]) -> str:
    """One row per page, one pair of columns per database, and whether the target held."""
    on, databases = found["machine"], list(found["databases"])
    heads = [f"{name}, median ms | worst ms | own CPU ms" for name in databases]
    first = found["databases"][databases[0]]
    lines = [
        f"# Lists with {found['predictions']:,} predictions of one reader", "",
        "Server time of the whole request (login, queries, page) through the application's test client, after a first",
        f"request; {found['repeats']} rounds. Target: under {TARGET_MS} ms. Layers and evidence are empty here.",
        "Own CPU: what this process computed, which for SQLite is all there is; for MariaDB it is the portal alone.",
        "",
        f"| page | rows | {' | '.join(heads)} |", f"|---|---|{'---|---|---|' * len(databases)}",
        *(_row(name, one, found["databases"]) for name, one in first["pages"].items()), "",
        *(_verdict(name, one) for name, one in found["databases"].items()), "",
        f"`{found['command']}`, seed {found['seed']}, on {on['cpu']}, {on['cores']} cores, {on['memory_gb']} GB, "
        f"{on['system']}; {on['date']}; load before: {on['load_before']}, after: {found['load_after']}.",
        ", ".join(f"{name} {version}" for name, version in on["portal"].items()) + ".", "",
    ]
    return "\n".join(lines)


def _row(name: str, one: Mapping[str, Any], databases: Mapping[str, Any]) -> str:
    times = [held["pages"][name] for held in databases.values()]
    cells = " | ".join(f"{time['median_ms']:.0f} | {time['worst_ms']:.0f} | {time['cpu_ms']:.0f}"
                       for time in times)
    return f"| {name} | {one['rows']} | {cells} |"


def _verdict(name: str, held: Mapping[str, Any]) -> str:
    slow = {page: time["median_ms"] for page, time in held["pages"].items() if time["median_ms"] >= TARGET_MS}
    said = "every median held" if not slow else "MISSED by " + ", ".join(f"{one} ({ms:.0f} ms)"
                                                                          for one, ms in slow.items())
    return f"- {name}: filled in {held['fill_seconds']:.0f} s; {said}."
