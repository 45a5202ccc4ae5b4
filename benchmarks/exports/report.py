"""The measured exports as a table to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {"csv": "CSV", "jsonl": "JSON Lines", "xlsx": "XLSX"}


def markdown(found: Mapping[str, Any]) -> str:
    """One table of all formats and databases, and what they were measured on."""
    on = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in on["portal"].items())
    rows = [_row(database, one) for database, measured in found["databases"].items() for one in measured]
    return "\n".join([
        "# What exporting the history costs", "",
        f"`{found['command']}` on {on['cpu']}, {on['cores']} cores, load before {on['load_before']}, {on['date']}; "
        f"{versions}.",
        "Each export runs in a fresh process after an empty one. Growth is the highest resident memory above that "
        "before it: it must not depend on the number of answers.", *([found["note"]] if "note" in found else []), "",
        "| database | format | answers | seconds | of them processor | first byte, s | size, MB | memory growth, MB |",
        "|---|---|---|---|---|---|---|---|", *rows, ""])


def _row(database: str, one: Mapping[str, Any]) -> str:
    return (f"| {database} | {NAMES[one['format']]} | {one['answers']:,} | {one['seconds']:.1f} | "
            f"{one['processor_seconds']:.1f} | {one['first_byte_seconds']:.1f} | {one['megabytes']:.1f} | "
            f"{one['growth_mb']:.1f} |")
