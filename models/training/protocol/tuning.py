"""What a system brings so that it learns from a clinic's own images, and how the result becomes a version."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.catalogue import Catalogue
from models.spec import ModelSpec
from models.training.protocol.fitted import check_learnt
from models.training.protocol.graphs import sha256_of
from models.training.protocol.own import Base, Example, base_of, mark, record, write_manifest
from models.training.protocol.pairs import Pair
from models.training.protocol.plan import Plan, read_json
from models.training.protocol.splits import ROLES

Judge = Callable[[ModelSpec, Sequence[Pair], int], dict[str, Any]]
"""Rows, matrices and verdict of a comparison, from what both versions say of the kept-out images and a seed."""
Shown = Callable[[ModelSpec, Sequence[Pair], Sequence[Example], int], bool]
"""Whether a candidate is surely better than an answer that looks at nothing; every example and a seed besides."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a system brings so that it can be fine-tuned from the table of this name.

    `fit` writes `network.pt`. `write` makes the graphs that change (and "torch") from it in `plan.weights`, and says
    how far they are from torch; all other files are the base's own, the gate above all. `examples` deals the images.
    """

    table: str
    fit: Callable[[Plan], None]
    write: Callable[[Plan, Base], tuple[dict[str, Path], dict[str, float]]]
    examples: Callable[[Plan], list[Example]]
    judge: Judge
    shown: Shown | None = None
    """Where the published version only demonstrates: whether this one does more."""
    blind: str = ""
    """What `shown` compares with, in words."""


NOT_COMPARED = ("Demonstration only: fine-tuned here from weights that were fitted on drawn images, and not compared "
                "with readers yet.")
NOT_SHOWN = ("Demonstration only: fine-tuned here from weights that were fitted on drawn images; on the images that "
             "were kept out it was not shown to be better than always giving {}.")


def export(plan: Plan, tuning: Tuning) -> None:
    """The version's files and its manifest to the plan's weights: changed graphs of its own, copies of all others."""
    check_learnt(plan)
    base, examples = base_of(plan), tuning.examples(plan)
    record(plan, examples)
    plan.weights.mkdir(parents=True, exist_ok=True)
    files, parity = tuning.write(plan, base)
    for graph in base.spec.graphs:
        if graph not in files:
            source = base.files[graph]
            files[graph] = plan.weights / f"{plan.stem}.{graph}{source.suffix}"
            shutil.copyfile(source, files[graph])
    published = Catalogue()[plan.key].spec
    held = {
        "key": plan.key, "version": plan.version, "published": published.version, "base": base.spec.version,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "files": {graph: {"name": path.name, "sha256": sha256_of(path)} for graph, path in files.items()},
        "images": sum(one.role != "test" for one in examples),
        "groups": len({one.group for one in examples if one.role != "test"}),
        "marks": {role: sorted(mark(one.path) for one in examples if one.role == role) for role in ROLES},
        "demonstration": NOT_COMPARED if published.demonstration else "",
        "figures": {"parity": parity, "seed": plan.seed, "quick": plan.quick,
                    "files_sha256": read_json(plan.out / "split.json")["files_sha256"]},
    }
    write_manifest(held, plan.manifest)
    told = ("key", "version", "base", "images", "groups", "figures")
    print(json.dumps({name: held[name] for name in told}, indent=1))
    print(f"Compare it before it is installed: python -m models.training compare {plan.key} --data FOLDER")
