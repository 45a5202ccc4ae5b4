"""What a system hands to the command line so that it can be fitted, exported, measured and described."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.training.protocol.plan import Plan
from models.training.protocol.tuning import Tuning

Verb = Callable[[Plan], None]


@dataclass(frozen=True, kw_only=True)
class Course:
    """The four verbs of one system. Each reads and writes files only below the plan's folders.

    fit: `<out>/network.pt`, `epochs.jsonl`, `split.json`. export: graphs and gate to `<weights>`, their parity,
    hashes and the gate's worth to `<out>/export.json`. benchmark: `<out>/benchmark.json`. evaluate:
    `<out>/evaluation.json`, and the card with its pictures.
    """

    fit: Verb
    export: Verb
    benchmark: Verb
    evaluate: Verb
    tuning: Tuning | None = None
    """How the system learns from a clinic's own images; None for one that does not."""


VERBS = ("fit", "export", "benchmark", "evaluate")


def courses() -> dict[str, Course]:
    """Every folder beside `protocol` that has a `course.py`, by the keys that it teaches."""
    found: dict[str, Course] = {}
    for file in sorted(Path(__file__).parents[1].glob("*/course.py")):
        if file.parent.name == "protocol":
            continue
        module = importlib.import_module(f"models.training.{file.parent.name}.course")
        found |= module.COURSES
    return found
