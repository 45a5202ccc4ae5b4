"""The figures for people and programs, and a picture of memory over uploads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.serving.report import aligned
from benchmarks.soak.memory import DECODERS, WEB, WORKER, Sample

PARTS = (WEB, DECODERS, WORKER)
FIRST, LAST = (0.25, 0.45), (0.8, 1.0)
"""Shares of the uploads: what is loaded and cached is loaded by the first quarter."""
MOST_GROWTH = 0.05
MOST_SAMPLES = 150


@dataclass
class Soak:
    """What one run found."""

    machine: dict[str, object]
    command: str
    asked: int
    seconds: float = 0.0
    outcomes: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    """By sort of file, status and word."""
    samples: list[Sample] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    """Temporary files and processes after the end."""

    @property
    def answered(self) -> int:
        return sum(self.outcomes.values())

    @property
    def failures(self) -> int:
        return sum(number for (_, status, word), number in self.outcomes.items()
                   if status >= 500 and word not in ("busy",))

    def growth(self, part: str) -> tuple[float, float, float] | None:
        """Medians of MB early and late, and the change as a share; none where a part was not seen in both."""
        early, late = (self._between(part, *share) for share in (FIRST, LAST))
        if not early or not late or not median(early):
            return None
        return median(early), median(late), median(late) / median(early) - 1

    def _between(self, part: str, low: float, high: float) -> list[float]:
        return [one.mb[part] for one in self.samples if low <= one.uploads / max(1, self.answered) <= high]


def write(soak: Soak, folder: Path) -> str:
    """Leave `soak.md`, `soak.json` and `soak.svg`; returns the text."""
    told = markdown(soak)
    (folder / "soak.md").write_text(told, encoding="utf-8")
    facts = {"machine": soak.machine, "command": soak.command, "asked": soak.asked, "answered": soak.answered,
             "seconds": round(soak.seconds), "status_500": soak.failures,
             "growth": {part: soak.growth(part) for part in PARTS},
             "outcomes": [[*key, number] for key, number in sorted(soak.outcomes.items())],
             "left_over": soak.left_over, "samples": [asdict(one) for one in thinned(soak.samples)]}
    (folder / "soak.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    draw(soak.samples, folder / "soak.svg", f"Resident memory over {soak.answered:,} uploads")
    return told


def thinned(samples: Sequence[Sample]) -> Sequence[Sample]:
    """As many as a picture can show, evenly spaced."""
    return samples[::-(-len(samples) // MOST_SAMPLES) or 1]


def markdown(soak: Soak) -> str:
    sums: Counter[tuple[str, int, str]] = soak.outcomes
    table = [["sent", "status", "became", "files"],
             *([sort, str(status), word, str(number)] for (sort, status, word), number in sorted(sums.items()))]
    return "\n".join([
        f"# {soak.answered:,} uploads to one server", "",
        "Good pictures of six kinds, the same bytes again, broken copies and files made to hurt, from four clients at",
        "once, to one gunicorn with its decoders and a worker beside it.", "",
        f"- answers of 500 and above that are no \"come again\": **{soak.failures}** (must be 0)",
        *(_growth_line(soak, part) for part in PARTS),
        f"- left over after the end: {', '.join(soak.left_over) or 'nothing'}",
        f"- {soak.answered / max(1.0, soak.seconds):.1f} uploads a second over {soak.seconds / 60:.0f} minutes", "",
        *aligned(table), "",
        f"{soak.machine['cpu']}, {soak.machine['cores']} cores, {soak.machine['memory_gb']} GB,",
        f"{soak.machine['date']}; load before: {soak.machine['load_before']}.",
        f"Growth: median of {LAST[0]:.0%} to {LAST[1]:.0%} of the uploads against that of {FIRST[0]:.0%} to "
        f"{FIRST[1]:.0%}. Command: `{soak.command}`. Picture: [soak.svg](soak.svg).", "",
    ])


def _growth_line(soak: Soak, part: str) -> str:
    found = soak.growth(part)
    if found is None:
        return f"- {part}: not measured"
    early, late, share = found
    held = "held" if share <= MOST_GROWTH else "MISSED"
    return f"- {part}: {early:.0f} MB → {late:.0f} MB, {share:+.1%} ({held}: ≤ 5 %)"


def draw(samples: Sequence[Sample], to: Path, title: str) -> None:
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, part in enumerate(PARTS):
        axes.plot([one.uploads for one in samples], [one.mb[part] for one in samples], color=f"C{number}", label=part)
    axes.set(xlabel="uploads", ylabel="MB resident", title=title, ylim=(0, None))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    with mpl.rc_context({"svg.hashsalt": "soak"}):
        figure.savefig(to, metadata={"Date": None})
