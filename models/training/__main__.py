"""`python -m models.training fit|export|benchmark|evaluate KEY`: the bench from the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.training.protocol.course import VERBS, courses
from models.training.protocol.plan import Plan, datasets_folder


def _arguments(keys: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("key", choices=keys)
    parser.add_argument("--quick", action="store_true", help="few images, few rounds: under two minutes")
    parser.add_argument("--data", type=Path, default=datasets_folder(), help="folder of the real images")
    parser.add_argument("--seed", type=int, default=20, help="decides the split and the fit")
    parser.add_argument("--epochs", type=int, help="rounds at most; the system's own number unless given")
    parser.add_argument("--side", type=int, help="input side in pixels where it can be chosen (leukemia candidates)")
    parser.add_argument("--out", type=Path, help="folder of the run; runs/<key>-<version> unless given")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported files")
    parser.add_argument("--card", type=Path, help="folder of the card; models/cards/<key>-<version> unless given")
    parser.add_argument("--resume", action="store_true", help="take up a fit at its last checkpoint")
    parser.add_argument("--bf16", action="store_true", help="fit in bfloat16: twice as fast on processors that have it")
    parser.add_argument("--threads", type=int, default=2, help="processor threads for torch")
    return parser


def main() -> None:
    """Reads the arguments and runs one verb."""
    taught = courses()
    asked = _arguments(sorted(taught)).parse_args()
    torch.set_num_threads(asked.threads)
    version = Catalogue()[asked.key].spec.version
    plan = Plan(
        key=asked.key, version=version, data=asked.data, out=asked.out or Path("runs") / f"{asked.key}-{version}",
        weights=asked.weights, card=asked.card, seed=asked.seed, epochs=asked.epochs, side=asked.side,
        quick=asked.quick, resume=asked.resume, bf16=asked.bf16,
    )
    getattr(taught[asked.key], asked.verb)(plan)


if __name__ == "__main__":
    main()
