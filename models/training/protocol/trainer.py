"""The fit loop of every system: progress, averaged weights, checkpoints, resumption, an end at the plateau."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm


class Task(Protocol):
    """What one system teaches: its batches, its loss, and what an epoch is worth on validation."""

    steps: int
    """Batches per epoch."""

    def batches(self) -> Iterator[Any]:
        """One epoch of batches; random by torch's generator alone, so that a resumed fit goes on as begun."""

    def loss(self, network: Any, batch: Any) -> Tensor:
        """The loss of one batch, a scalar."""

    def worth(self, network: Any) -> dict[str, float]:
        """Figures on validation. "loss" ranks the epochs: the least is kept."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long and how fast to fit."""

    epochs: int
    patience: int = 6
    """Epochs without a better validation loss after which the fit ends."""
    decay: float = 0.02
    average: float = 0.99
    """Share of the averaged weights that stays per step."""
    clip: float = 2.0
    warm: float = 0.05
    frozen_norm: bool = False
    """Batch norm keeps its statistics: needed where a start brings them folded."""
    bf16: bool = False
    """Convolutions and products of the fit in bfloat16: twice as fast on processors that have it, far slower on others.
    Validation and everything after the fit stay in float32."""
    start_competes: bool = False
    """The network as it comes is judged as epoch 0, and kept where no epoch is better: for fine-tuning."""


class Trainer:
    """One fit, resumable. `best.pt` in the run's folder holds the averaged weights of the best epoch."""

    def __init__(self, network: Any, task: Task, pace: Pace, groups: Iterable[dict[str, Any]], out: Path) -> None:
        self.network, self.task, self.pace, self.out = network, task, pace, out
        self.averaged = copy.deepcopy(network).eval()
        self.optimiser = torch.optim.AdamW(list(groups), weight_decay=pace.decay)
        total = pace.epochs * task.steps
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda step: _rate(step, total, pace.warm))
        self.epoch, self.best, self.since, self.best_epoch = 0, math.inf, 0, 0
        out.mkdir(parents=True, exist_ok=True)

    def run(self) -> Any:
        """Epochs until the pace's end or the plateau; gives the averaged network of the best epoch."""
        if self.pace.start_competes and self.epoch == 0:
            self._judge({}, time.monotonic())
        while self.epoch < self.pace.epochs and self.since < self.pace.patience:
            began = time.monotonic()
            loss = self._one_epoch()
            self.epoch, self.since = self.epoch + 1, self.since + 1
            self._judge({"train_loss": loss}, began)
            self._save()
        self.network.load_state_dict(torch.load(self.out / "best.pt", weights_only=True))
        return self.network.eval()

    def _judge(self, learnt: dict[str, float], began: float) -> None:
        """What the averaged weights are worth now; the best so far are kept."""
        worth = self.task.worth(self.averaged.eval())
        if worth["loss"] < self.best:
            self.best, self.since, self.best_epoch = worth["loss"], 0, self.epoch
            torch.save(self.averaged.state_dict(), self.out / "best.pt")
        self._tell({"epoch": self.epoch, **learnt, **worth, "s": time.monotonic() - began})

    def _one_epoch(self) -> float:
        self.network.train()
        if self.pace.frozen_norm:
            freeze_statistics(self.network)
        total = 0.0
        told = f"epoch {self.epoch + 1} of {self.pace.epochs}"  # The portal reads this.
        for batch in tqdm(self.task.batches(), total=self.task.steps, desc=told, leave=False):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.pace.bf16):
                loss = self.task.loss(self.network, batch)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), self.pace.clip)
            self.optimiser.step()
            self.schedule.step()
            self._average()
            total += float(loss.detach())
        return total / self.task.steps

    @torch.no_grad()
    def _average(self) -> None:
        for kept, now in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            kept.lerp_(now, 1 - self.pace.average)
        for kept, now in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            kept.copy_(now)

    def _tell(self, line: dict[str, float]) -> None:
        with (self.out / "epochs.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        tqdm.write(" ".join(f"{name} {value:.4g}" for name, value in line.items()))

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
            "since": self.since,
            "best_epoch": self.best_epoch,
            "random": torch.get_rng_state(),
        }
        torch.save(state, self.out / "last.pt.new")
        (self.out / "last.pt.new").replace(self.out / "last.pt")

    def resume(self) -> None:
        """Takes up the fit where `last.pt` left it."""
        state = torch.load(self.out / "last.pt", map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch, self.best, self.since = state["epoch"], state["best"], state["since"]
        self.best_epoch = state["best_epoch"]
        torch.set_rng_state(state["random"])


def freeze_statistics(network: nn.Module) -> None:
    """Batch norm in evaluation mode, whatever the rest is in."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _rate(step: int, total: int, warm_share: float) -> float:
    """Warm-up, then a cosine down to a hundredth."""
    warm = max(1, int(total * warm_share))
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
