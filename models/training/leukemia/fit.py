"""Fitting: frozen batch norm, two learning rates, a moving average of the weights, stop at a plateau."""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from models.training.augment import Strength, augment, hide_corner, to_network
from models.training.calibrate import fit_temperature
from models.training.data import CLASSES, ROLES, Part, files_sha256, list_samples, load_part, split_blocks

START = "weights/tf_mobilenetv3_small_100_imagenet_from_keras_int8.pth"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides a fit; written beside its result."""

    data: Path
    out: Path
    seed: int = 20
    epochs: int = 20
    batch: int = 32
    trunk_rate: float = 4e-4
    head_rate: float = 2e-3
    decay: float = 0.02
    smoothing: float = 0.03
    average: float = 0.99
    patience: int = 6
    most_per_part: int | None = None


def quick(plan: Plan) -> Plan:
    """The same path in under two minutes: few images, few rounds."""
    changes = {"epochs": 3, "most_per_part": 160, "average": 0.8}
    return Plan(**{**asdict(plan), **changes})


def start_from_imagenet(network: Any, folder: Path) -> None:
    """ImageNet trunk; its batch norm arrives folded (mean 0, variance 1) and stays frozen."""
    state = torch.load(folder / START, map_location="cpu", weights_only=True)
    missing = network.trunk.load_state_dict(state, strict=False).missing_keys
    if missing:
        raise ValueError(f"{START} lacks {missing[:3]}")


def freeze_statistics(network: nn.Module) -> None:
    """Training mode for all but batch norm: batch statistics would shift folded activations."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def as_batch(fields: np.ndarray[Any, Any]) -> Tensor:
    """(n, 224, 224, 3) bytes as the network sees them when serving."""
    return to_network(hide_corner(torch.from_numpy(fields).permute(0, 3, 1, 2).float() / 255))


@torch.no_grad()
def logits_of(network: Any, fields: np.ndarray[Any, Any], size: int = 64) -> Tensor:
    """Logits (n, 4) of images (n, 224, 224, 3), without augmentation."""
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


def _worth(network: Any, part: Part) -> dict[str, float]:
    """Validation: macro-F1 clean and on augmented copies, and their joint loss, which ranks the epochs."""
    labels = torch.from_numpy(part.labels)
    clean, moved = logits_of(network, part.fields), _moved_logits(network, part.fields, seed=1)
    loss = (F.cross_entropy(clean, labels) + F.cross_entropy(moved, labels)) / 2
    f1 = [float(f1_score(part.labels, some.argmax(1), average="macro")) for some in (clean, moved)]
    return {"loss": float(loss), "f1": f1[0], "f1_moved": f1[1]}


class Trainer:
    """One fit, resumable: network, moving average, optimiser and where it stands."""

    def __init__(self, network: Any, plan: Plan, parts: dict[str, Part]) -> None:
        self.network, self.plan, self.parts = network, plan, parts
        self.averaged = copy.deepcopy(network).eval()
        groups = [
            {"params": list(network.trunk.parameters()), "lr": plan.trunk_rate},
            {"params": list(network.head.parameters()), "lr": plan.head_rate},
        ]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=plan.decay)
        self.steps = math.ceil(len(parts["train"].labels) / plan.batch)
        total = plan.epochs * self.steps
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda step: _rate(step, total))
        self.epoch, self.best, self.since = 0, math.inf, 0

    def run(self) -> None:
        """Epochs until the plan's end or the plateau; `best.pt` holds the averaged weights of the best."""
        while self.epoch < self.plan.epochs and self.since < self.plan.patience:
            began = time.monotonic()
            loss = self._one_epoch()
            worth = _worth(self.averaged, self.parts["validation"])
            self.epoch += 1
            self.since += 1
            if worth["loss"] < self.best:
                self.best, self.since = worth["loss"], 0
                torch.save(self.averaged.state_dict(), self.plan.out / "best.pt")
            self._save()
            line = {"epoch": self.epoch, "train_loss": loss, **worth, "s": time.monotonic() - began}
            with (self.plan.out / "epochs.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            tqdm.write(" ".join(f"{k} {v:.4g}" for k, v in line.items()))

    def _one_epoch(self) -> float:
        part, plan = self.parts["train"], self.plan
        freeze_statistics(self.network)
        counts = np.bincount(part.labels, minlength=len(CLASSES))
        weight = torch.from_numpy(1.0 / counts[part.labels])
        order = torch.multinomial(weight, len(part.labels), replacement=True)
        total = 0.0
        for chosen in tqdm(order.split(plan.batch), desc=f"epoch {self.epoch + 1}", leave=False):
            batch = to_network(augment(torch.from_numpy(part.fields[chosen.numpy()]), Strength()))
            labels = torch.from_numpy(part.labels)[chosen]
            loss = F.cross_entropy(self.network(batch), labels, label_smoothing=plan.smoothing)
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
            self.optimiser.step()
            self.schedule.step()
            self._average()
            total += float(loss.detach()) * len(labels)
        return total / len(part.labels)

    @torch.no_grad()
    def _average(self) -> None:
        for kept, now in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            kept.lerp_(now, 1 - self.plan.average)

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
            "since": self.since,
            "random": torch.get_rng_state(),
        }
        torch.save(state, self.plan.out / "last.pt")

    def resume(self) -> None:
        """Takes up the fit where `last.pt` left it."""
        state = torch.load(self.plan.out / "last.pt", map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch, self.best, self.since = state["epoch"], state["best"], state["since"]
        torch.set_rng_state(state["random"])


def _rate(step: int, total: int) -> float:
    """Warm-up over the first twentieth, then a cosine down to a hundredth."""
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def load_parts(plan: Plan) -> dict[str, Part]:
    """Train, validation and test by whole blocks, recorded in `split.json`; one split per run."""
    samples = list_samples(plan.data)
    roles = split_blocks([sample.block for sample in samples], plan.seed)
    parts = {role: load_part(samples, roles, role, plan.most_per_part) for role in ROLES}
    record = {
        "seed": plan.seed,
        "files_sha256": files_sha256([sample.path for sample in samples]),
        "counts": {role: np.bincount(part.labels, minlength=4).tolist() for role, part in parts.items()},
        "files": {role: [s.path.name for s in part.samples] for role, part in parts.items()},
    }
    path = plan.out / "split.json"
    if path.exists() and json.loads(path.read_text()) != record:
        raise ValueError(f"{path} records another split or other files; a fit's test images must stay unseen")
    path.write_text(json.dumps(record, indent=1))
    return parts


def fit(build: Any, plan: Plan, resume: bool) -> Path:
    """Fits `build()` by the plan, sets its temperature on validation, and returns the weights' file."""
    plan.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    if not resume:
        for name in ("split.json", "epochs.jsonl"):
            (plan.out / name).unlink(missing_ok=True)
    parts = load_parts(plan)
    network = build()
    start_from_imagenet(network, plan.data)
    trainer = Trainer(network, plan, parts)
    if resume:
        trainer.resume()
    else:
        described = {key: str(value) for key, value in asdict(plan).items()}
        (plan.out / "plan.json").write_text(json.dumps(described, indent=1))
    trainer.run()
    network.load_state_dict(torch.load(plan.out / "best.pt", weights_only=True))
    validation = parts["validation"]
    found = fit_temperature(logits_of(network, validation.fields).numpy(), validation.labels)
    network.temperature.fill_(found)
    finished = plan.out / "network.pt"
    torch.save(network.state_dict(), finished)
    return finished
