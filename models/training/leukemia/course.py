"""The leukemia hybrids on the command line: the served one, and the candidates it is compared with."""

from __future__ import annotations

import json

import torch

from models.catalogue import Catalogue
from models.training.leukemia import card, hybrids
from models.training.leukemia.benchmark import cost
from models.training.leukemia.candidates import install
from models.training.leukemia.compare import fit_compared
from models.training.leukemia.data import load_parts
from models.training.leukemia.evaluate import evaluate, open_bench
from models.training.leukemia.export import export
from models.training.leukemia.fit import fit
from models.training.leukemia.own import TUNING
from models.training.protocol.cards import provenance
from models.training.protocol.course import Course
from models.training.protocol.graphs import load_network
from models.training.protocol.plan import Plan, read_json, write_json


def run_cost(plan: Plan) -> None:
    """Speed and size of a hybrid's files to `benchmark.json`."""
    entry = Catalogue(weights=plan.weights)[plan.key]
    files = {name: plan.weights / file.name for name, file in entry.spec.graphs.items()}
    found = cost(load_network(entry.build(), files["predict"].with_suffix(".pt")), files)
    write_json(found, plan.out / "benchmark.json")
    print(json.dumps(found, indent=1))


def run_benchmark(plan: Plan) -> None:
    """The served hybrid's cost, and all hybrids that were fitted by the common protocol side by side."""
    run_cost(plan)
    found = hybrids.compare(plan)
    hybrids.publish(plan, found)
    print(json.dumps(found, indent=1))


def run_evaluate(plan: Plan) -> None:
    """Figures to `evaluation.json`; the card and its pictures too, where `export` left its record."""
    spec = Catalogue(weights=plan.weights)[plan.key].spec
    torch.manual_seed(plan.seed)
    found = evaluate(open_bench(spec, plan.weights), load_parts(plan), plan.data, plan.seed)
    found["provenance"] = provenance(spec, plan)
    for name in ("split", "export", "benchmark"):
        if (plan.out / f"{name}.json").exists():
            found[name] = read_json(plan.out / f"{name}.json")
    if (plan.card_folder / hybrids.RECORD).exists():
        found["hybrids"] = hybrids.describe(plan, read_json(plan.card_folder / hybrids.RECORD))
    write_json(found, plan.out / "evaluation.json")
    print(json.dumps({name: found[name] for name in ("test", "robustness", "baselines", "gate")}, indent=1))
    if "export" not in found:
        print(f"no export.json in {plan.out}: the card stays as it is")
    elif plan.key == hybrids.SERVED:
        card.write(spec, plan, found, card.SERVED_FAULTS, card.SERVED_HISTORY)
    else:
        card.write(spec, plan, found, (), [(spec.version, f"Installed here: {hybrids.HYBRIDS[plan.key]}.")])


COURSES = {
    hybrids.SERVED: Course(fit=fit, export=export, benchmark=run_benchmark, evaluate=run_evaluate, tuning=TUNING),
    **{
        key: Course(fit=fit_compared, export=install, benchmark=run_cost, evaluate=run_evaluate)
        for key in hybrids.HYBRIDS
        if key != hybrids.SERVED
    },
}
