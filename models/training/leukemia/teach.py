"""What every leukemia hybrid is taught, and by which steps: one task, one temperature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn import functional as F

from models.training.leukemia.data import Part, Parts
from models.training.leukemia.moving import augment, hide_corner
from models.training.protocol.augment import Strength, to_network
from models.training.protocol.calibrate import fit_temperature
from models.training.protocol.plan import Plan
from models.training.protocol.trainer import Pace, Trainer

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How fast which part of a network learns, beside the protocol's pace."""

    trunk_rate: float
    head_rate: float
    batch: int = 32
    smoothing: float = 0.03


def as_batch(fields: np.ndarray[Any, Any]) -> Tensor:
    """(n, side, side, 3) bytes as the network sees them when serving."""
    return to_network(hide_corner(torch.from_numpy(fields).permute(0, 3, 1, 2).float() / 255))


@torch.no_grad()
def logits_of(network: Any, fields: np.ndarray[Any, Any], size: int = 64) -> Tensor:
    """Logits (n, 4) of images (n, side, side, 3), without augmentation."""
    network.eval()
    return torch.cat([network(as_batch(fields[i : i + size])) for i in range(0, len(fields), size)])


@torch.no_grad()
def _moved_logits(network: Any, fields: np.ndarray[Any, Any], seed: int, size: int = 64) -> Tensor:
    """Logits of one fixed draw of augmented copies: what early stopping listens to besides clean images."""
    network.eval()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts = []
        for i in range(0, len(fields), size):
            parts.append(network(to_network(augment(torch.from_numpy(fields[i : i + size]), Strength()))))
    return torch.cat(parts)


class SmearTask:
    """Augmented fields of equally likely classes; worth is measured clean and on augmented copies."""

    def __init__(self, parts: Parts, recipe: Recipe) -> None:
        self.train, self.validation, self.recipe = parts["train"], parts["validation"], recipe
        self.steps = math.ceil(len(self.train.labels) / recipe.batch)
        self._labels = torch.from_numpy(self.train.labels)
        self._weight = 1.0 / torch.bincount(self._labels)[self._labels]

    def batches(self) -> Iterator[Batch]:
        order = torch.multinomial(self._weight, len(self._labels), replacement=True)
        for chosen in order.split(self.recipe.batch):
            fields = torch.from_numpy(self.train.fields[chosen.numpy()])
            yield to_network(augment(fields, Strength())), self._labels[chosen]

    def loss(self, network: Any, batch: Batch) -> Tensor:
        return F.cross_entropy(network(batch[0]), batch[1], label_smoothing=self.recipe.smoothing)

    def worth(self, network: Any) -> dict[str, float]:
        """Macro-F1 clean and on augmented copies, and their joint loss, which ranks the epochs."""
        labels, fields = torch.from_numpy(self.validation.labels), self.validation.fields
        clean, moved = logits_of(network, fields), _moved_logits(network, fields, seed=1)
        loss = (F.cross_entropy(clean, labels) + F.cross_entropy(moved, labels)) / 2
        f1 = [float(f1_score(labels, some.argmax(1), average="macro")) for some in (clean, moved)]
        return {"loss": float(loss), "f1": f1[0], "f1_moved": f1[1]}


def teach(network: Any, parts: Parts, recipe: Recipe, pace: Pace, plan: Plan) -> Path:
    """Fits a network by the recipe, sets its temperature on validation, and returns the weights' file."""
    groups = [
        {"params": list(network.trunk.parameters()), "lr": recipe.trunk_rate},
        {"params": list(network.head.parameters()), "lr": recipe.head_rate},
    ]
    trainer = Trainer(network, SmearTask(parts, recipe), pace, groups, plan.out)
    if plan.resume:
        trainer.resume()
    network = trainer.run()
    network.temperature.fill_(_temperature(network, parts["validation"]))
    finished = plan.out / "network.pt"
    torch.save(network.state_dict(), finished)
    return finished


def _temperature(network: Any, validation: Part) -> float:
    return fit_temperature(logits_of(network, validation.fields).numpy(), validation.labels)


def begin(plan: Plan) -> None:
    """Seeds, and clears the records of an earlier run unless this one takes it up."""
    plan.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    if not plan.resume:
        for name in ("split.json", "epochs.jsonl"):
            (plan.out / name).unlink(missing_ok=True)
        plan.write()
