"""Fine-tuning the served hybrid on a clinic's own smears: its last two blocks and its head, at a small rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.imaging.resize import squash
from models.spec import Pixels
from models.training.leukemia.export import PARITY_IMAGES, parity, write_graphs
from models.training.leukemia.fit import pace_of
from models.training.leukemia.served import Served
from models.training.leukemia.teach import Recipe, SmearTask, logits_of
from models.training.protocol import labelled, own
from models.training.protocol.calibrate import fit_temperature
from models.training.protocol.compare_classes import of_classes
from models.training.protocol.fitted import finish, teach
from models.training.protocol.graphs import load_network
from models.training.protocol.own import LEAST_CALIBRATING, Base
from models.training.protocol.plan import Plan
from models.training.protocol.table import LABELS
from models.training.protocol.trainer import Pace, Trainer
from models.training.protocol.tuning import Tuning
from models.zoo._smear import SIDE

RECIPE = Recipe(trunk_rate=1e-4, head_rate=3e-4)
PACE = Pace(epochs=20, patience=4, average=0.95, frozen_norm=True, start_competes=True)
QUICK = Pace(epochs=2, average=0.8, frozen_norm=True, start_competes=True)
TUNED = ("trunk.blocks.4", "trunk.blocks.5", "head")
"""What is taught. Everything before is shared with the published network, through which the gate looks."""


def fit(plan: Plan) -> None:
    """`network.pt`: the base with its last blocks and head taught, the epoch of the lowest validation loss."""
    own.begin(plan)
    parts = labelled.load_parts(plan, _field)
    torch.manual_seed(plan.seed)
    network = load_network(Catalogue()[plan.key].build(), own.base_of(plan).files["torch"])
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(TUNED))
    groups = [{"params": [one for one in part.parameters() if one.requires_grad], "lr": rate}
              for part, rate in ((network.trunk, RECIPE.trunk_rate), (network.head, RECIPE.head_rate))]
    recipe = replace(RECIPE, batch=min(RECIPE.batch, len(parts["train"].labels)))
    trainer = Trainer(network, SmearTask(parts, recipe), pace_of(plan, PACE, QUICK), groups, plan.out)
    network, learnt = teach(plan, trainer), trainer.best_epoch > 0
    held = parts["validation"]
    if learnt and len(held.labels) >= LEAST_CALIBRATING:
        network.temperature.fill_(fit_temperature(logits_of(network, held.fields).numpy(), held.labels))
    finish(plan, network, learnt=learnt, epoch=trainer.best_epoch)


def _field(pixels: Pixels) -> Pixels:
    return squash(pixels, SIDE)


def write(plan: Plan, base: Base) -> tuple[dict[str, Path], dict[str, float]]:
    """The graphs. The embedding that the gate judges stays that of the published network: the gate was fitted on it.

    The base's gate therefore refuses exactly what it refused before.
    """
    build = Catalogue()[plan.key].build
    published = load_network(build(), (WEIGHTS / Catalogue()[plan.key].spec.graphs["predict"].name).with_suffix(".pt"))
    tuned = load_network(build(), plan.out / "network.pt")
    files = write_graphs(tuned, plan.weights, plan.stem, SIDE, eye=_with_shared_blocks(published, tuned))
    network = load_network(build(), files["torch"])
    some = labelled.load_parts(plan, _field)["validation"].fields[:PARITY_IMAGES]
    served = Served(files["predict"])
    images = np.concatenate([served.input_of(field) for field in some])
    return files, parity(network, files["predict"], files["explain"], images)


def _with_shared_blocks(published: Any, tuned: Any) -> Any:
    """The published network, its untaught blocks being those of the tuned one: they are stored and computed once."""
    for name in ("conv_stem", "bn1"):
        setattr(published.trunk, name, getattr(tuned.trunk, name))
    for index in range(len(published.trunk.blocks)):
        if not f"trunk.blocks.{index}".startswith(TUNED):
            published.trunk.blocks[index] = tuned.trunk.blocks[index]
    return published


TUNING = Tuning(table=LABELS, fit=fit, write=write, examples=labelled.label_examples, judge=of_classes)
