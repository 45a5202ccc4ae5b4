"""`python -m models.training fit|evaluate|export|benchmark KEY`: the bench from the command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.card import CARDS
from models.catalogue import Catalogue, Entry
from models.engine import WEIGHTS
from models.training.benchmark import benchmark
from models.training.cardwriter import write_card
from models.training.data import datasets_folder
from models.training.evaluate import evaluate, open_bench, provenance
from models.training.export import export, hashes, load_network, parity
from models.training.fit import Plan, fit, load_parts, quick
from models.training.gate import accepted, fit_gate, gather_inside, gather_made, gather_real, leave_one_out, save
from models.training.outliers import real_sources
from models.training.pictures import draw_all
from models.training.served import Served
from models.zoo._smear import as_input

TRAINED = ("leukemia",)


def _write(found: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return held


def run_fit(entry: Entry, plan: Plan, asked: argparse.Namespace) -> None:
    """Weights to `<out>/network.pt`."""
    print("finished:", fit(entry.build, plan, asked.resume))


def run_export(entry: Entry, plan: Plan, asked: argparse.Namespace) -> None:
    """Graphs, their parity with torch, and the gate, to `--weights`; the gate's worth to `gate.json`."""
    parts = load_parts(plan)
    network = load_network(entry.build, plan.out / "network.pt")
    files = export(network, asked.weights, f"{entry.spec.key}-{entry.spec.version}")
    network = load_network(entry.build, files["torch"])
    torch.manual_seed(plan.seed)
    some = parts["validation"].fields[:: max(1, len(parts["validation"].fields) // 60)]
    images = np.concatenate([as_input(field) for field in some])
    worst = parity(network, files["predict"], files["explain"], images)
    served = Served(files["predict"])
    train, test = parts["train"].fields, parts["test"].fields
    inside = gather_inside(served, train, parts["validation"].fields)
    outside = gather_real(served, real_sources(plan.data), plan.seed)
    outside += gather_made(served, train, test, plan.seed)
    parameters = fit_gate(inside, outside, plan.seed)
    files["gate"] = asked.weights / entry.spec.graphs["gate"].name
    save(parameters, files["gate"])
    held = {one.name: float(1 - accepted(parameters, one.test).mean()) for one in outside}
    alone = {} if asked.quick else leave_one_out(inside, outside, plan.seed)
    record = {"parity": worst, "held_out": held, "leave_one_out": alone, "sha256": hashes(files)}
    _write(record, plan.out / "gate.json")
    print(json.dumps(record, indent=1))


def run_evaluate(entry: Entry, plan: Plan, asked: argparse.Namespace) -> None:
    """Figures to `evaluation.json`, card and pictures to `--card`."""
    parts = load_parts(plan)
    found = evaluate(open_bench(entry.spec, asked.weights), parts, plan.data, plan.seed)
    found |= {"split": _read(plan.out / "split.json"), "gate_fit": _read(plan.out / "gate.json")}
    found["provenance"] = provenance(entry.spec, asked.weights)
    if (plan.out / "benchmark.json").exists():
        found["benchmark"] = _read(plan.out / "benchmark.json")
    _write(found, plan.out / "evaluation.json")
    folder = asked.card or CARDS / f"{entry.spec.key}-{entry.spec.version}"
    draw_all(found, folder)
    write_card(entry.spec, found, folder / "card.json")
    print(json.dumps({name: found[name] for name in ("test", "robustness", "baselines", "gate")}, indent=1))


def run_benchmark(entry: Entry, plan: Plan, asked: argparse.Namespace) -> None:
    """Speed and size to `benchmark.json`."""
    found = benchmark(entry, asked.weights)
    _write(found, plan.out / "benchmark.json")
    print(json.dumps(found, indent=1))


VERBS: dict[str, Callable[[Entry, Plan, argparse.Namespace], None]] = {
    "fit": run_fit,
    "export": run_export,
    "benchmark": run_benchmark,
    "evaluate": run_evaluate,
}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("key", choices=TRAINED)
    parser.add_argument("--quick", action="store_true", help="few images, few rounds: under two minutes")
    parser.add_argument("--data", type=Path, default=datasets_folder(), help="folder of the real images")
    parser.add_argument("--seed", type=int, default=20, help="decides the split and the fit")
    parser.add_argument("--epochs", type=int, default=Plan.epochs, help="rounds at most")
    parser.add_argument("--out", type=Path, help="folder of the run; runs/<key>-<version> unless given")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported files")
    parser.add_argument("--card", type=Path, help="folder of the card; models/cards/<key>-<version> unless given")
    parser.add_argument("--resume", action="store_true", help="take up a fit at its last checkpoint")
    parser.add_argument("--threads", type=int, default=2, help="processor threads for torch")
    return parser


def main() -> None:
    """Reads the arguments and runs one verb."""
    asked = _arguments().parse_args()
    torch.set_num_threads(asked.threads)
    entry = Catalogue()[asked.key]
    out = asked.out or Path("runs") / f"{entry.spec.key}-{entry.spec.version}"
    plan = Plan(data=asked.data, out=out, seed=asked.seed, epochs=asked.epochs)
    VERBS[asked.verb](entry, quick(plan) if asked.quick else plan, asked)


if __name__ == "__main__":
    main()
