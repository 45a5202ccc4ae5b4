"""Fitting the served hybrid: ImageNet start, frozen batch norm, two learning rates, stop at a plateau."""

from __future__ import annotations

from dataclasses import replace

from models.catalogue import Catalogue
from models.training.leukemia.data import load_parts
from models.training.leukemia.teach import Recipe, begin, teach
from models.training.protocol.eye import start_trunk
from models.training.protocol.plan import Plan
from models.training.protocol.trainer import Pace

RECIPE = Recipe(trunk_rate=4e-4, head_rate=2e-3)
PACE = Pace(epochs=20, frozen_norm=True)
QUICK = Pace(epochs=3, average=0.8, frozen_norm=True)


def pace_of(plan: Plan, usual: Pace, quick: Pace) -> Pace:
    """The usual pace, or the quick one, with the plan's own number of epochs where it gives one."""
    pace = quick if plan.quick else usual
    return replace(pace, epochs=plan.epochs or pace.epochs, bf16=plan.bf16)


def fit(plan: Plan) -> None:
    """`network.pt` of the served hybrid."""
    begin(plan)
    parts = load_parts(plan)
    network = Catalogue()[plan.key].build()
    start_trunk(network.trunk, plan.data)
    print("finished:", teach(network, parts, RECIPE, pace_of(plan, PACE, QUICK), plan))
