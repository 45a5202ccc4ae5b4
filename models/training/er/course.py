"""The ER system on the command line."""

from __future__ import annotations

import json
import os

import numpy as np
import torch

from models.catalogue import Catalogue
from models.training.er import card
from models.training.er.batches import as_batch
from models.training.er.drawn import draw_scene
from models.training.er.evaluate import FIRST_TEST, evaluate
from models.training.er.export import export
from models.training.er.fit import fit
from models.training.er.gate import refused_shares
from models.training.er.own import TUNING
from models.training.er.render import photographed, restained
from models.training.er.served import Served
from models.training.protocol.course import Course
from models.training.protocol.graphs import load_network
from models.training.protocol.plan import Plan, read_json, write_json
from models.training.protocol.speed import median_ms
from models.zoo._er.network import build_network
from models.zoo._er.tiles import as_input


def benchmark(plan: Plan) -> None:
    """Speed and size to `benchmark.json`, on a drawn field."""
    torch.set_num_threads(1)
    network = load_network(build_network(), plan.weights / f"{plan.stem}.pt")
    served = Served(plan.weights, plan.stem)
    rng = np.random.default_rng(1)
    field = photographed(restained(draw_scene(FIRST_TEST), rng), rng).pixels
    tile = np.ascontiguousarray(field[None, :256, :256])
    patch = np.ascontiguousarray(field[None, :64, :64])
    files = [plan.weights / f"{plan.stem}{end}" for end in (".onnx", ".grade.onnx", ".gate.npz")]
    with torch.no_grad():
        torch_ms = median_ms(lambda: network(as_batch(tile)), 10)
    found = {
        "machine": f"{os.cpu_count()} processor cores",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "file_mb": round(sum(path.stat().st_size for path in files) / 1e6, 2),
        "onnx_predict_ms": median_ms(lambda: served.predict(as_input(tile)), 15),
        "onnx_grade_ms": median_ms(lambda: served.grade(as_input(patch)), 15),
        "onnx_field_ms": median_ms(lambda: served.read(field), 3),
        "torch_predict_ms": torch_ms,
    }
    write_json(found, plan.out / "benchmark.json")
    print(json.dumps(found, indent=1))


def run_evaluate(plan: Plan) -> None:
    """Figures to `evaluation.json`; the card and its pictures too, where `export` left its record."""
    spec = Catalogue()[plan.key].spec
    torch.manual_seed(plan.seed)
    found = evaluate(Served(plan.weights, plan.stem), plan.data, quick=plan.quick)
    found["gate"] = refused_shares(plan)
    found["provenance"] = card.recorded(spec, plan)
    for name in ("split", "export", "benchmark"):
        if (plan.out / f"{name}.json").exists():
            found[name] = read_json(plan.out / f"{name}.json")
    write_json(found, plan.out / "evaluation.json")
    print(json.dumps({name: found[name] for name in ("sets", "grader", "disks", "seams", "gate")}, indent=1))
    if "export" in found and "split" in found:
        card.write(spec, plan, found)
    else:
        print(f"no export.json in {plan.out}: the card stays as it is")


COURSES = {"er": Course(fit=fit, export=export, benchmark=benchmark, evaluate=run_evaluate, tuning=TUNING)}
