"""Fitting: mean squared error on shares of the maxima, from a random start or from the shipped weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.training.pancreas.batches import as_batch, normalised, shares_of
from models.training.pancreas.data import DRAWN_FILE, Part, counted, drawn_parts, scored_parts
from models.training.pancreas.head import FITTED_LAYER, settle_head
from models.training.pancreas.served import reload
from models.training.pancreas.table import TableError, has_table
from models.training.protocol.augment import Strength, recolour, restain
from models.training.protocol.fitted import FITTED, finish, teach
from models.training.protocol.own import base_of
from models.training.protocol.plan import Plan
from models.training.protocol.rates import relative
from models.training.protocol.splits import Role
from models.training.protocol.trainer import Pace, Trainer
from models.zoo.pancreas import build

RATE = 1e-3
TUNING_SHARE = 0.003
"""Of a weight's own size: how far it moves in one step when there is a start. The stored weights differ in size a
thousandfold (the last convolution's are 3e-5 on average): one rate for all of 2e-4 destroyed them in two steps."""
BATCH = 16
SIDES = (160, 192, 224)
"""Sides of the random crops, one per batch. Smaller ones are cheaper and teach less: what a score counts is unevenly
spread, so that a crop of 112 pixels has another score than its image."""
STRENGTH = Strength(
    hue=0.06, saturation=(0.85, 1.15), gain=0.04, brightness=0.08, contrast=0.1, stain=0.15, stain_shift=0.02, grey=0.0
)
TUNED = ("trunk.layer3", "trunk.layer4", "head")
"""What is taught when there is a start: the last two blocks and the linear layer, as in the original."""


class Scoring:
    """The task of the trainer: random crops, turned, mirrored and a little restained."""

    def __init__(self, train: Part, validation: Part, sides: tuple[int, ...]) -> None:
        self.train, self.validation, self.sides = train, validation, sides
        self.steps = max(1, len(train.fields) // BATCH)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch; the last images of a draw that fill no batch wait for the next."""
        order = torch.randperm(len(self.train.fields))
        for chosen in order.split(BATCH)[: self.steps]:
            index = chosen.numpy()
            batch = as_batch(self._cropped(self.train.fields[index]))
            batch = recolour(restain(batch, STRENGTH), STRENGTH)
            yield normalised(batch), torch.from_numpy(self.train.shares[index])

    def _cropped(self, fields: NDArray[np.uint8]) -> NDArray[np.uint8]:
        side = self.sides[int(torch.randint(len(self.sides), ()))]
        room = fields.shape[1] - side + 1
        cut = []
        for field in fields:
            top, left, turns = (int(torch.randint(most, ())) for most in (room, room, 8))
            piece = np.rot90(field[top : top + side, left : left + side], turns % 4)
            cut.append(piece[:, ::-1] if turns >= 4 else piece)
        return np.stack(cut)

    def loss(self, network: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mean squared error of the unclipped outputs."""
        return F.mse_loss(network(batch[0]), batch[1])

    def worth(self, network: Any) -> dict[str, float]:
        """Mean squared error on validation as served, and the least of the four R²."""
        truth = self.validation.shares
        wrong = np.square(shares_of(network, self.validation.fields) - truth)
        spread = np.square(truth - truth.mean(axis=0)).mean(axis=0)
        explained = 1 - wrong.mean(axis=0) / np.maximum(spread, 1e-9)
        return {"loss": float(wrong.mean()), "least_r2": float(explained.min())}


def parts_of(plan: Plan) -> dict[Role, Part]:
    """A clinic's own images by role, or drawn ones; ends the program where the table of scores is wrong."""
    try:
        return scored_parts(plan) if has_table(plan.data) else drawn_parts(plan)
    except TableError as problem:
        raise SystemExit(str(problem)) from None


def fit(plan: Plan) -> None:
    """Fits on `scores.csv` beside the plan's images if there is one, else on drawn images; writes `network.pt`."""
    plan.out.mkdir(parents=True, exist_ok=True)
    if not plan.resume:
        for name in ("split.json", "epochs.jsonl", FITTED, DRAWN_FILE):
            (plan.out / name).unlink(missing_ok=True)
    own = has_table(plan.data)
    parts = parts_of(plan)
    torch.manual_seed(plan.seed)
    trainer = _trainer(plan, parts["train"], parts["validation"], own)
    plan.write()
    network = teach(plan, trainer)
    errors = settle_head(network, parts["train"], parts["validation"])
    finish(plan, network, learnt=trainer.best_epoch > 0 or min(errors, key=lambda name: errors[name]) != FITTED_LAYER,
           images="scored" if own else "drawn", counts=counted(parts), validation_error=errors)


def _trainer(plan: Plan, train: Part, validation: Part, own: bool) -> Trainer:
    """From a random start on drawn images; from the shipped weights, first blocks kept, on a clinic's own."""
    epochs = plan.epochs or (2 if plan.quick else 30)
    average = 0.9 if plan.quick or own else 0.98
    pace = Pace(epochs=epochs, patience=6, decay=0.0, average=average, frozen_norm=own, bf16=plan.bf16,
                start_competes=own)
    network = (_start(plan) if own else build()).to(memory_format=torch.channels_last)
    groups = relative(network.named_parameters(), TUNED, TUNING_SHARE) if own else [
        {"params": list(network.parameters()), "lr": RATE}
    ]
    return Trainer(network, Scoring(train, validation, (224,) if own else SIDES), pace, groups, plan.out)


def _start(plan: Plan) -> Any:
    """The weights that the catalogue serves, or those of the own version that the plan names."""
    return reload(base_of(plan).files["predict"])
