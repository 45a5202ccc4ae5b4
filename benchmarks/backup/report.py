"""The measured backups as a table to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown(found: Mapping[str, Any]) -> str:
    """A row for each command and size, and what they were measured on."""
    on = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in on["portal"].items())
    rows = [_row(name, one, step) for name in found["rounds"][0]["steps"] for one in found["rounds"]
            for step in (one["steps"][name],)]
    return "\n".join([
        "# What a backup and a restore cost", "",
        f"`{found['command']}` on {on['cpu']}, {on['cores']} cores, load before {on['load_before']}, {on['date']}; "
        f"{versions}; SQLite, files in a folder.",
        "Each command runs in a process of its own on a portal with random bytes as its files, a quarter of them one "
        f"file (seed {found['seed']}). Peak is the highest resident memory of that process, as the system counts it: "
        "it must not depend on how much is backed up.", "",
        "| command | files, GB | files | rows | archive, MB | seconds | peak, MB |", "|---|---|---|---|---|---|---|",
        *rows, ""])


def _row(name: str, one: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    return (f"| `flask {name}` | {one['gigabytes']:g} | {one['files']:,} | {one['rows']:,} | {one['archive_mb']:,.0f} "
            f"| {step['seconds']:.1f} | {step['peak_mb']:.0f} |")
