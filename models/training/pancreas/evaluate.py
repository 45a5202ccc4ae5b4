"""Measures the exported graph and gate on drawings that no fit has seen."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from models.catalogue import Catalogue
from models.scoring.pancreas import KEYS
from models.spec import ModelSpec, Pixels
from models.training.pancreas import card
from models.training.pancreas.data import COUNTS, QUICK, Part, drawings, drawn_part, field_of, middle
from models.training.pancreas.fit import parts_of
from models.training.pancreas.gate import FAMILIES, sections
from models.training.pancreas.measures import agreement, as_scores, colour_baseline, mean_baseline, truths
from models.training.pancreas.served import shares_of
from models.training.protocol.cards import provenance
from models.training.protocol.eye import Eyes
from models.training.protocol.gatefit import deal
from models.training.protocol.measures import wilson
from models.training.protocol.outliers import real_sources
from models.training.protocol.plan import Plan, read_json, write_json
from models.training.protocol.shifts import SHIFTS
from models.training.protocol.splits import spread
from models.training.protocol.tissue_gate import passes
from models.zoo.pancreas import prepared

EXPERTS = "he/pancreas/*scores_only*.csv"
OTHER_STAIN, MOVED, EXPERT_ROWS = 80, 50, 160
"""Drawings per held-out range of stain, drawings whose changed copies are read, and expert rows that are drawn."""


def evaluate(plan: Plan) -> None:
    """Figures to `evaluation.json`; the card and its pictures too, where `export` left its record."""
    spec = Catalogue()[plan.key].spec
    torch.manual_seed(plan.seed)
    found = _on_drawn(plan, spec)
    found["provenance"] = provenance(spec, plan)
    for name in ("split", "export", "benchmark", "fitted"):
        if (plan.out / f"{name}.json").exists():
            found[name] = read_json(plan.out / f"{name}.json")
    write_json(found, plan.out / "evaluation.json")
    told = {name: value for name, value in found.items() if name in ("test", "sets", "baselines", "robustness", "gate")}
    print(json.dumps({name: value for name, value in told.items() if name != "points"}, indent=1))
    if "export" in found:
        card.write(spec, plan, found)
    else:
        print(f"no export.json in {plan.out}: the card stays as it is")


def _on_drawn(plan: Plan, spec: ModelSpec) -> dict[str, Any]:
    parts = parts_of(plan)
    count = (QUICK if plan.quick else COUNTS)["test"]
    test = drawn_part(drawings("test", count, plan.seed), "test")
    result, said = _measured(plan, spec, test)
    return {
        "test": result,
        "points": {"truth": truths(test).tolist(), "said": said.tolist()},
        "sets": {name: _measured(plan, spec, part)[0] for name, part in _further(plan)},
        "baselines": _baselines(plan, parts["train"], test),
        "robustness": _moved(plan, spec, test),
        "gate": _gate(plan, spec, test),
    }


def _measured(plan: Plan, spec: ModelSpec, part: Part) -> tuple[dict[str, Any], Any]:
    """Agreement of the served graph, and its rounded answers (n, 5)."""
    said = as_scores(shares_of(plan.weights / spec.graphs["predict"].name, middle(part.fields)))
    return agreement(truths(part), said, plan.seed), said


def _further(plan: Plan) -> Iterator[tuple[str, Part]]:
    """Stains outside the range of training, and scores that go together as experts' do."""
    few = QUICK["test"] if plan.quick else OTHER_STAIN
    yield "stains stronger than any trained on", drawn_part(drawings("test", few, plan.seed, "strong"), "strong")
    yield "stains weaker than any trained on", drawn_part(drawings("test", few, plan.seed, "weak"), "weak")
    experts = expert_scores(plan.data)
    if experts:
        rows = [experts[i] for i in spread(len(experts), few if plan.quick else EXPERT_ROWS)]
        wanted = drawings("test", len(rows), plan.seed, "usual", rows)
        yield "scores as experts give them together", drawn_part(wanted, "experts' scores")


def expert_scores(folder: Path) -> list[tuple[float, ...]]:
    """The rows of the expert table, of which no image is at hand; none where the table is absent."""
    found = []
    for path in sorted(folder.glob(EXPERTS)):
        with path.open(newline="", encoding="utf-8-sig") as file:
            found += [tuple(float(row[key]) for key in KEYS) for row in csv.DictReader(file)]
    return found


def _baselines(plan: Plan, train: Part, test: Part) -> dict[str, Any]:
    said = {
        "mean training score": mean_baseline(train, len(test.fields)),
        "linear regression on mean colour": colour_baseline(train, test),
    }
    return {name: agreement(truths(test), answers, plan.seed) for name, answers in said.items()}


def _moved(plan: Plan, spec: ModelSpec, test: Part) -> list[dict[str, Any]]:
    """The same drawings, changed as cameras and laboratories change images."""
    few = QUICK["test"] if plan.quick else MOVED
    plain = Part(fields=test.fields[:few], shares=test.shares[:few])
    rows = [{"copies": "unchanged", **_r2(_measured(plan, spec, plain)[0])}]
    for name, shift in tqdm(SHIFTS.items(), desc="changed copies", leave=False):
        fields = np.stack([field_of(shift(field)) for field in plain.fields])
        rows.append({"copies": name, **_r2(_measured(plan, spec, Part(fields=fields, shares=plain.shares))[0])})
    return rows


def _r2(found: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {name: one["r2"] for name, one in found.items()}


def _gate(plan: Plan, spec: ModelSpec, test: Part) -> dict[str, Any]:
    """Shares that the whole gate lets pass of what belongs, and refuses of what does not: no image was fitted on."""
    eyes = Eyes(plan.weights)
    with np.load(plan.weights / spec.graphs["gate"].name, allow_pickle=False) as archive:
        parameters = {name: archive[name] for name in archive.files}

    def passed(images: list[Pixels]) -> int:
        return int(passes(images, parameters, eyes).sum())

    drawn, real = list(middle(test.fields)), [prepared(one) for one in sections(plan.data)["test"]]
    belongs = {"drawn images": drawn, "real H&E sections": real}
    refused = []
    for source in real_sources(plan.data, FAMILIES):
        held = [prepared(one) for one in deal(source, plan.seed)[1]]
        gone = len(held) - passed(held)
        refused.append({"source": source.name, "images": len(held), "refused": gone / max(1, len(held)),
                        "interval": wilson(gone, len(held))})
    return {"passed": {name: _share(passed(some), len(some)) for name, some in belongs.items()}, "refused": refused}


def _share(count: int, images: int) -> dict[str, Any]:
    return {"share": count / max(1, images), "interval": wilson(count, images), "images": images}
