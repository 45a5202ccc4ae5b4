"""`python -m models.training fit|export|benchmark|evaluate|compare KEY`: the bench from the command line."""

from __future__ import annotations

import argparse
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import torch

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.installed import ManifestError
from models.training.protocol.compare import compare
from models.training.protocol.course import VERBS, Course, courses
from models.training.protocol.plan import Plan, datasets_folder
from models.training.protocol.table import TableError, table_of
from models.training.protocol.tuning import Tuning, export


def _arguments(keys: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("verb", choices=(*VERBS, "compare"))
    parser.add_argument("key", choices=keys)
    parser.add_argument("--quick", action="store_true", help="few images, few rounds: under two minutes")
    parser.add_argument("--data", type=Path, default=datasets_folder(),
                        help="folder of the real images, or of a clinic's own with their table")
    parser.add_argument("--seed", type=int, default=20, help="decides the split and the fit")
    parser.add_argument("--epochs", type=int, help="rounds at most; the system's own number unless given")
    parser.add_argument("--side", type=int, help="input side in pixels where it can be chosen (leukemia candidates)")
    parser.add_argument("--out", type=Path, help="folder of the run; runs/<key>-<version> unless given")
    parser.add_argument("--weights", type=Path, help="folder of the exported files; of a clinic's own version, "
                                                     "`version` below --out unless given")
    parser.add_argument("--card", type=Path, help="folder of the card; models/cards/<key>-<version> unless given")
    parser.add_argument("--resume", action="store_true", help="take up a fit at its last checkpoint")
    parser.add_argument("--bf16", action="store_true", help="fit in bfloat16: twice as fast on processors that have it")
    parser.add_argument("--threads", type=int, default=2, help="processor threads for torch")
    parser.add_argument("--name", help="of a clinic's own version: letters and digits, the day unless given")
    parser.add_argument("--base", type=Path, help="manifest of the clinic's own version to start from and to compare "
                                                  "with; the published version unless given")
    return parser


def main() -> None:
    """Reads the arguments and runs one verb."""
    taught = courses()
    asked = _arguments(sorted(taught)).parse_args()
    torch.set_num_threads(asked.threads)
    if table_of(asked.data) or asked.verb == "compare":
        _on_own(asked, taught[asked.key])
        return
    version = Catalogue()[asked.key].spec.version
    plan = _plan(asked, version, asked.out or Path("runs") / f"{asked.key}-{version}", asked.weights or WEIGHTS)
    getattr(taught[asked.key], asked.verb)(plan)


def _on_own(asked: argparse.Namespace, course: Course) -> None:
    """One verb for a version that is fine-tuned on a clinic's own images; ends in a sentence where that cannot be."""
    tuning = _tuning(asked, course)
    out = asked.out or Path("runs") / f"{asked.key}-own"
    plan = _plan(asked, _version(asked, out), out, asked.weights or out / "version")
    try:
        if asked.verb == "fit":
            tuning.fit(plan)
        elif asked.verb == "export":
            export(plan, tuning)
        else:
            compare(plan, tuning)
    except (TableError, ManifestError) as problem:
        raise SystemExit(str(problem)) from None


def _tuning(asked: argparse.Namespace, course: Course) -> Tuning:
    table = table_of(asked.data)
    if not table:
        raise SystemExit(f"There is no table of a clinic's own images in {asked.data}: name its folder with --data.")
    if course.tuning is None:
        raise SystemExit(f"{asked.key} does not learn from a clinic's own images; the member of its family that is "
                         "served does.")
    if table != course.tuning.table:
        raise SystemExit(f"{asked.key} learns from {course.tuning.table}; this folder has {table}.")
    if asked.verb == "benchmark":
        raise SystemExit("Speed and size do not change with the weights: benchmark the published version.")
    return course.tuning


def _version(asked: argparse.Namespace, out: Path) -> str:
    """A new name for a new fit; the name that the fit recorded for what follows it."""
    if asked.verb == "fit" and not asked.resume:
        name = asked.name or datetime.now(UTC).strftime("%Y%m%d")
        if not re.fullmatch(r"[0-9a-z]{1,16}", name, re.ASCII):
            raise SystemExit("--name: 1 to 16 small letters and digits.")
        return f"{Catalogue()[asked.key].spec.version}.own-{name}"
    try:
        return str(json.loads((out / "plan.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        raise SystemExit(f"There is no fit in {out}: run fit first, or name its folder with --out.") from None


def _plan(asked: argparse.Namespace, version: str, out: Path, weights: Path) -> Plan:
    return Plan(
        key=asked.key, version=version, data=asked.data, out=out, weights=weights, card=asked.card, seed=asked.seed,
        epochs=asked.epochs, side=asked.side, quick=asked.quick, resume=asked.resume, bf16=asked.bf16, base=asked.base,
    )


if __name__ == "__main__":
    main()
