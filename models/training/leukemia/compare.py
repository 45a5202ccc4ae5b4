"""One protocol for the four hybrids: random start, same blocks, augmentation, optimiser, epochs and image size.

No ImageNet weights of EfficientNet-B3 or Xception belong to the project's data, so none of the four gets any.
"""

from __future__ import annotations

from dataclasses import asdict

import torch

from models.catalogue import Catalogue
from models.training.leukemia.data import load_parts
from models.training.leukemia.fit import pace_of
from models.training.leukemia.teach import Recipe, begin, teach
from models.training.protocol.plan import Plan, read_json, write_json
from models.training.protocol.trainer import Pace

SIDE = 112
RECIPE = Recipe(trunk_rate=1e-3, head_rate=2e-3, batch=16)
# As many epochs for each: the least of them is kept by its validation loss, but none ends early.
PACE = Pace(epochs=8, patience=8, average=0.95)
QUICK = Pace(epochs=1, patience=1, average=0.8)


def fit_compared(plan: Plan) -> None:
    """`network.pt` by the common protocol, and `recipe.json`, which says at what size it reads."""
    begin(plan)
    side, pace = plan.side or SIDE, pace_of(plan, PACE, QUICK)
    write_json({"side": side, **asdict(RECIPE), **asdict(pace)}, plan.out / "recipe.json")
    parts = load_parts(plan, side)
    # The same numbers by a faster road: the depthwise convolutions are what costs.
    network = Catalogue()[plan.key].build().to(memory_format=torch.channels_last)
    print("finished:", teach(network, parts, RECIPE, pace, plan))


def side_of(plan: Plan) -> int:
    """The size that a run of `fit_compared` was taught at. Raises FileNotFoundError before there is one."""
    return int(str(read_json(plan.out / "recipe.json")["side"]))
