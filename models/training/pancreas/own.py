"""What fine-tuning the pancreas scores on a clinic's own table needs beside `fit`, which does it."""

from __future__ import annotations

from pathlib import Path

from models.scoring.pancreas import KEYS, total
from models.training.pancreas.data import middle, roles_of, scored_parts
from models.training.pancreas.export import PARITY_IMAGES
from models.training.pancreas.export import write as write_graph
from models.training.pancreas.fit import fit
from models.training.pancreas.served import parity, reload
from models.training.pancreas.table import read_table
from models.training.protocol.compare_measures import better_than_the_mean, of_measures
from models.training.protocol.graphs import load_network
from models.training.protocol.own import Base, Example
from models.training.protocol.plan import Plan
from models.training.protocol.table import SCORES
from models.training.protocol.tuning import Tuning
from models.zoo.pancreas import build


def write(plan: Plan, _base: Base) -> tuple[dict[str, Path], dict[str, float]]:
    """The graph, which also keeps the weights. The gate has eyes of its own, and stays as it is."""
    path = plan.weights / f"{plan.stem}.onnx"
    write_graph(load_network(build(), plan.out / "network.pt"), path)
    some = list(middle(scored_parts(plan)["validation"].fields[:PARITY_IMAGES]))
    return {"predict": path}, parity(reload(path), path, some)


def examples(plan: Plan) -> list[Example]:
    """The images of `scores.csv`, dealt as `fit` deals them."""
    rows = read_table(plan.data)
    roles = roles_of(rows, plan)
    found = []
    for row, role in zip(rows, roles, strict=True):
        scores = dict(zip(KEYS, row.scores, strict=True))
        found.append(Example(path=row.path, group=row.group, stratum=0, role=role,
                             scores={**scores, "total": total(scores)}))
    return found


TUNING = Tuning(table=SCORES, fit=fit, write=write, examples=examples, judge=of_measures,
                shown=better_than_the_mean, blind="the mean score")
