"""Fine-tuning the served PCam network on a clinic's own patches: its last convolution and its head, at a small rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from sklearn.metrics import log_loss
from torch import Tensor

from models.imaging.resize import squash
from models.spec import Pixels
from models.training.pcam.export import PARITY_PATCHES, parity, write_files
from models.training.pcam.fit import BATCH, Patches, as_batch, augmented, logits_of
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
from models.zoo._pcam.network import SIDE
from models.zoo.pcam import build

RATE = 1e-4
TUNED = ("trunk.2", "head")


class OwnPatches(Patches):
    """The task of `fit`, for one network, with both classes equally likely: the threshold was chosen that way."""

    def __init__(self, parts: Any, epochs: int) -> None:
        super().__init__(parts, parts["train"].labels.astype(np.float32), [SIDE] * epochs)
        labels = torch.from_numpy(parts["train"].labels)
        self._weight = 1.0 / torch.bincount(labels, minlength=2)[labels]
        self.train = parts["train"]

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.multinomial(self._weight, len(self.targets), replacement=True).split(BATCH):
            yield augmented(self.train.fields[chosen.numpy()], SIDE), self.targets[chosen]

    def worth(self, net: Any) -> dict[str, float]:
        """Whole, unchanged validation patches."""
        logits, labels = logits_of(net, self.validation.fields).double().numpy(), self.validation.labels
        right = float(((logits > 0) == (labels == 1)).mean())
        return {"loss": float(log_loss(labels, expit(logits), labels=[0, 1])), "accuracy": right}


def fit(plan: Plan) -> None:
    """`network.pt`: the base with its last convolution and head taught, the epoch of the lowest validation loss."""
    own.begin(plan)
    parts = labelled.load_parts(plan, _patch)
    torch.manual_seed(plan.seed)
    network = load_network(build(), own.base_of(plan).files["torch"]).to(memory_format=torch.channels_last)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(TUNED))
    epochs = plan.epochs or (2 if plan.quick else 20)
    average = 0.8 if plan.quick else 0.95
    pace = Pace(epochs=epochs, patience=4, average=average, bf16=plan.bf16, start_competes=True)
    taught = [one for one in network.parameters() if one.requires_grad]
    trainer = Trainer(network, OwnPatches(parts, epochs), pace, [{"params": taught, "lr": RATE}], plan.out)
    network, learnt = teach(plan, trainer), trainer.best_epoch > 0
    held = parts["validation"]
    if learnt and len(held.labels) >= LEAST_CALIBRATING:
        logits = logits_of(network, held.fields).double().numpy()
        network.temperature.fill_(fit_temperature(np.stack([np.zeros_like(logits), logits], axis=1), held.labels))
    finish(plan, network, learnt=learnt, epoch=trainer.best_epoch)


def _patch(pixels: Pixels) -> Pixels:
    return squash(pixels, SIDE)


def write(plan: Plan, _base: Base) -> tuple[dict[str, Path], dict[str, float]]:
    """The graph and the torch weights. The gate has eyes of its own, and stays as it is."""
    files = write_files(load_network(build(), plan.out / "network.pt"), plan.weights, plan.stem)
    some = labelled.load_parts(plan, _patch)["validation"].fields[:PARITY_PATCHES]
    network = load_network(build(), files["torch"])
    return files, parity(network, files["predict"], as_batch(some).contiguous().numpy())


TUNING = Tuning(table=LABELS, fit=fit, write=write, examples=labelled.label_examples, judge=of_classes)
