"""`python -m models.training fit|evaluate|export|benchmark KEY`: the bench from the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from models.training import _operators  # noqa: F401  before timm
from models.training.data import datasets_folder
from models.training.fit import Plan, fit, quick
from models.zoo import leukemia

def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("verb"); p.add_argument("key"); p.add_argument("--quick", action="store_true"); p.add_argument("--out", type=Path)
    p.add_argument("--data", type=Path, default=datasets_folder()); p.add_argument("--seed", type=int, default=20); p.add_argument("--resume", action="store_true")
    p.add_argument("--epochs", type=int, default=40)
    a = p.parse_args()
    torch.set_num_threads(2)
    plan = Plan(data=a.data, out=a.out, seed=a.seed, epochs=a.epochs)
    if a.quick: plan = quick(plan)
    print(fit(leukemia.build, plan, a.resume))

if __name__ == "__main__":
    main()
