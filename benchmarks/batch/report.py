"""The steps of the batch as Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.batch.measure import Batch
from benchmarks.serving.report import aligned

FLAT_MB = 60
"""How much more than after the first step the last may hold or have held: about one file."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that one run of the benchmark found."""

    machine: dict[str, object]
    model: str
    count: int
    batch: Batch
    stored_mb: float
    command: str


def growth(batch: Batch) -> tuple[float, float]:
    """By how much held memory and its peak rose from the first step to the highest later one."""
    first, later = batch.steps[0], batch.steps[1:] or batch.steps
    return (max(one.resident_mb for one in later) - first.resident_mb,
            max(one.peak_mb for one in later) - first.peak_mb)


def markdown(run: Run) -> str:
    """The report for people."""
    held, peak = growth(run.batch)
    flat = held < FLAT_MB and peak < FLAT_MB
    facts = run.machine
    table = [["files sent", "held MB", "peak since MB", "ms per file", "answers"],
             ["0", f"{run.batch.idle_mb:.0f}", "", "", ""]]
    table += [[str(one.sent), f"{one.resident_mb:.0f}", f"{one.peak_mb:.0f}", f"{one.median_ms:.0f}",
               ", ".join(f"{number} {word}" for word, number in sorted(one.outcomes.items()))]
              for one in run.batch.steps]
    return "\n".join([
        "# A batch of large TIFFs", "",
        f"{run.count} uncompressed RGB TIFFs of {run.batch.file_mb:.1f} MB each, no two alike, one after the other to",
        f"`{run.model}` over HTTP, behind login and CSRF, as the page of a case sends them. Memory is the RSS of all",
        "processes of the portal.", "",
        *aligned(table), "",
        f"After the first {run.batch.steps[0].sent} files, what is held rose by {held:.0f} MB and the peak by "
        f"{peak:.0f} MB: {'flat' if flat else 'NOT FLAT'} (flat is under {FLAT_MB} MB, about one file).",
        f"{run.batch.seconds:.0f} s in all; {run.stored_mb / 1000:.1f} GB were stored and deleted again.", "",
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']};",
        f"{facts['date']}; load before: {facts['load_before']}; "
        + ", ".join(f"{name} {version}" for name, version in dict(facts["portal"]).items()) + ".",  # type: ignore[call-overload]
        f"Command: `{run.command}`", "",
    ])


def write(run: Run, folder: Path) -> None:
    """Leave `batch.md` and `batch.json` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "batch.md").write_text(markdown(run), encoding="utf-8")
    (folder / "batch.json").write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")
