"""Fits stage 1, UNet++ from an ImageNet encoder, then stage 2, the residual patch classifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.training.er.batches import Sources, stacked, validation_pieces
from models.training.er.data import CLASSES, VOID, image_paths
from models.training.er.patches import EPOCHS as GRADER_EPOCHS
from models.training.er.patches import Grading
from models.training.er.render import Piece
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES, Role, record_split
from models.training.protocol.trainer import Pace, Trainer
from models.zoo._er.network import ENCODER, build_network

START = Path("weights") / f"{ENCODER}_imagenet_from_keras_int8.pth"
BATCH, STEPS, EPOCHS = 4, 60, 31
PACE = Pace(epochs=EPOCHS, patience=8, decay=0.01, average=0.985)
ENCODER_RATE, DECODER_RATE, GRADER_RATE = 5e-4, 3e-3, 3e-3


def stage_one_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice loss over the classes that occur; logits (n, 5, h, w), labels (n, h, w)."""
    entropy = F.cross_entropy(logits, labels, ignore_index=VOID)
    known = (labels != VOID)[:, None]
    truth = F.one_hot(labels.clamp(max=len(CLASSES) - 1), len(CLASSES)).permute(0, 3, 1, 2) * known
    guess = torch.softmax(logits, dim=1) * known
    shared = (truth * guess).sum(dim=(0, 2, 3))
    total = (truth + guess).sum(dim=(0, 2, 3))
    occurring = truth.sum(dim=(0, 2, 3)) > 0
    dice = (2 * shared + 1) / (total + 1)
    return entropy + 1 - dice[occurring].mean()


class Segmenting:
    """Stage 1 as the trainer's task."""

    def __init__(self, sources: Sources, held: list[Piece], *, quick: bool) -> None:
        self.steps = 2 if quick else STEPS
        self.batch = 2 if quick else BATCH
        self.sources, self.held = sources, held

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch of freshly drawn pieces."""
        for _ in range(self.steps):
            rng = np.random.default_rng(int(torch.randint(2**31, (1,))))
            yield stacked([self.sources.piece(rng) for _ in range(self.batch)])

    def loss(self, network: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
        return stage_one_loss(network(batch[0]), batch[1])

    @torch.no_grad()
    def worth(self, network: Any) -> dict[str, float]:
        """Loss and mean Dice of classes 1–4 over the validation pieces."""
        logits, labels = [], []
        for first in range(0, len(self.held), 4):
            images, truth = stacked(self.held[first : first + 4])
            logits.append(network(images))
            labels.append(truth)
        every, truth = torch.cat(logits), torch.cat(labels)
        dice = dice_per_class(every.argmax(1).numpy(), truth.numpy())
        return {"loss": float(stage_one_loss(every, truth)), "dice": float(np.nanmean(dice[1:]))}


def dice_per_class(found: NDArray[Any], truth: NDArray[Any]) -> list[float]:
    """Dice of the five classes over all pixels that somebody labelled; not a number where neither has any."""
    known = truth != VOID
    scores = []
    for index in range(len(CLASSES)):
        a, b = (found == index) & known, (truth == index) & known
        total = a.sum() + b.sum()
        scores.append(float(2 * (a & b).sum() / total) if total else float("nan"))
    return scores


def start_from_imagenet(network: Any, data: Path) -> None:
    """ImageNet encoder; its batch norm arrives folded (mean 0, variance 1) and stays frozen."""
    state = torch.load(data / START, map_location="cpu", weights_only=True)
    missing = network.segmenter.encoder.model.load_state_dict(state, strict=False).missing_keys
    if missing:
        raise ValueError(f"{START} lacks {missing[:3]}")


def record_files(plan: Plan) -> None:
    """Which real files stand in which part."""
    paths: dict[Role, list[Path]] = {role: image_paths(plan.data, role) for role in ROLES}
    record_split(plan.seed, paths, {role: len(paths[role]) // 2 for role in ROLES}, plan.out)


def fit(plan: Plan) -> None:
    """Both stages; `<out>/network.pt` holds them together."""
    plan.write()
    record_files(plan)
    torch.manual_seed(plan.seed)
    network = build_network().to(memory_format=torch.channels_last)
    start_from_imagenet(network, plan.data)
    sources, held = Sources(plan), validation_pieces(plan.data, 1 if plan.quick else 4)
    encoder = list(network.segmenter.encoder.parameters())
    rest = [*network.segmenter.decoder.parameters(), *network.segmenter.segmentation_head.parameters()]
    groups = [{"params": encoder, "lr": ENCODER_RATE}, {"params": rest, "lr": DECODER_RATE}]
    pace = replace(PACE, epochs=plan.epochs or (1 if plan.quick else EPOCHS), bf16=plan.bf16)
    segmenting = Segmenting(sources, held, quick=plan.quick)
    _run(Trainer(network, segmenting, pace, groups, plan.out / "segmenter"), plan)
    torch.manual_seed(plan.seed)
    pace = replace(PACE, epochs=plan.epochs or (1 if plan.quick else GRADER_EPOCHS), average=0.97, bf16=plan.bf16)
    groups = [{"params": list(network.grader.parameters()), "lr": GRADER_RATE}]
    _run(Trainer(network.grader, Grading(sources, held, quick=plan.quick), pace, groups, plan.out / "grader"), plan)
    torch.save(network.state_dict(), plan.out / "network.pt")


def _run(trainer: Trainer, plan: Plan) -> None:
    """Runs a fit, taken up where it stands if the plan says so and there is something to take up."""
    if plan.resume and (trainer.out / "last.pt").exists():
        trainer.resume()
    trainer.run()
