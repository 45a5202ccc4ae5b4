"""Fitting the compact encoder, the attention and the three heads that drawn stain can teach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from models.spec import Pixels
from models.training.isight.cases import CLEAR, OPTIONS, THUMBNAILS, TRAINED, Case, deal, make_case, make_cases, shown
from models.training.isight.tissue import Canvas, list_sources, load_canvas
from models.training.protocol.calibrate import fit_temperature
from models.training.protocol.eye import start_trunk
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES, Role, record_split
from models.training.protocol.trainer import Pace, Trainer
from models.zoo._isight.bag import SIDE, Patch, bag_of, cut
from models.zoo._isight.words import CELLS, QUESTIONS
from models.zoo.isight import build

EPOCHS, STEPS, BATCH = 20, 50, 16
QUICK_EPOCHS, QUICK_STEPS, QUICK_BATCH = 2, 6, 6
STAGES = ((0.8, 224), (1.0, SIDE))
"""Up to this share of the epochs, patches of this side: every part of the encoder works at any size."""
TRUNK_RATE, HEAD_RATE = 5e-4, 2e-3
VALIDATION, QUICK_VALIDATION = 200, 24
SMOOTHING = 0.02
HEADS = tuple(index for index, one in enumerate(QUESTIONS) if one.key in TRAINED)

Canvases = dict[Role, list[Canvas]]


def load_canvases(plan: Plan) -> Canvases:
    """Every source's canvas by role, recorded in `split.json`. The counts are those of nuclei in the masks."""
    paths = deal(list_sources(plan.data), plan.seed)
    found = {role: [load_canvas(path) for path in paths[role]] for role in ROLES}
    counts = {role: [len(some), sum(one.count for one in some)] for role, some in found.items()}
    record_split(plan.seed, paths, counts, plan.out)
    return found


def validation_cases(plan: Plan, canvases: Canvases) -> list[Case]:
    """The cases that rank the epochs and set the temperatures."""
    count = QUICK_VALIDATION if plan.quick else VALIDATION
    drawn = make_cases(canvases["validation"], count, plan.seed + 1, look=shown(SIDE, THUMBNAILS))
    return list(tqdm(drawn, total=count, desc="drawing validation", leave=False))


def patches_of(pixels: Pixels) -> Pixels:
    """The bag of an image, as serving cuts it: (n, 336, 336, 3); of an image without tissue, its first patch."""
    patches = bag_of(pixels).patches
    return np.stack([cut(pixels, patch) for patch in patches or (Patch(x=0, y=0),)])


def tiles_of(pixels: Pixels, side: int) -> Pixels:
    """An image of side or 2 × side pixels as its whole patches (n, side, side, 3) less the nearly empty ones."""
    across = len(pixels) // side
    tiles = pixels.reshape(across, side, across, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    kept = tiles[(tiles.min(axis=3) < 225).mean(axis=(1, 2)) >= 0.1]
    return kept if len(kept) else tiles[:1]


@torch.no_grad()
def logits_of(network: Any, cases: Iterable[Case]) -> NDArray[np.float32]:
    """Logits (n, 3, 4) of the trained heads, as serving would ask for them but for the temperature."""
    network.eval()
    found = []
    for case in cases:
        patches = torch.from_numpy(patches_of(case.pixels))
        pooled = network.attend(torch.cat([network.encode(one[None]) for one in patches]))[1]
        answers = network.answer(pooled, torch.zeros(1, len(CELLS)))
        found.append(torch.cat([answers[index] for index in HEADS]).numpy())
    return np.stack(found)


class Bags:
    """What is taught: three answers for each bag of patches of a freshly drawn image."""

    def __init__(self, canvases: Sequence[Canvas], validation: Sequence[Case], epochs: int, quick: bool) -> None:
        self.canvases, self.validation, self.epochs = canvases, validation, epochs
        self.steps, self.size = (QUICK_STEPS, QUICK_BATCH) if quick else (STEPS, BATCH)
        self.epoch = 0

    def batches(self) -> Iterator[tuple[Tensor, list[int], Tensor]]:
        share = (self.epoch + 1) / self.epochs
        side = next(side for until, side in STAGES if share <= until + 1e-9)
        self.epoch += 1
        # Drawing has a generator of its own; seeded from torch's, so that a resumed fit goes on as begun.
        rng = np.random.default_rng(int(torch.randint(2**31, (1,))))
        look = shown(side, THUMBNAILS)
        for _ in range(self.steps):
            cases = [make_case(self.canvases, CLEAR, look, rng) for _ in range(self.size)]
            bags = [tiles_of(case.pixels, side) for case in cases]
            answers = torch.from_numpy(np.stack([case.answers for case in cases]))
            yield torch.from_numpy(np.concatenate(bags)), [len(bag) for bag in bags], answers

    def loss(self, network: Any, batch: tuple[Tensor, list[int], Tensor]) -> Tensor:
        patches, counts, answers = batch
        logits = network(patches, counts, torch.zeros(len(counts), len(CELLS)))
        losses = [
            F.cross_entropy(logits[head], answers[:, index], label_smoothing=SMOOTHING)
            for index, head in enumerate(HEADS)
        ]
        return torch.stack(losses).sum()

    def worth(self, network: Any) -> dict[str, float]:
        """Loss and accuracy of each head on the validation cases."""
        logits = torch.from_numpy(logits_of(network, self.validation))
        answers = torch.from_numpy(np.stack([case.answers for case in self.validation]))
        loss = F.cross_entropy(logits.reshape(-1, OPTIONS), answers.reshape(-1))
        right = (logits.argmax(dim=2) == answers).float().mean(dim=0)
        return {"loss": float(loss), **{name: float(right[index]) for index, name in enumerate(TRAINED)}}


def start(network: Any, plan: Plan) -> None:
    """ImageNet for the encoder; nothing for the cell type, of which nothing is known here."""
    start_trunk(network.patch_encoder.trunk, plan.data)
    nn.init.zeros_(network.cell_type_projection.weight)
    nn.init.zeros_(network.cell_type_projection.bias)


def fit(plan: Plan) -> None:
    """Fits, sets a temperature per head on the validation cases, and writes `network.pt`."""
    plan.out.mkdir(parents=True, exist_ok=True)
    if not plan.resume:
        for name in ("split.json", "epochs.jsonl"):
            (plan.out / name).unlink(missing_ok=True)
        plan.write()
    canvases = load_canvases(plan)
    validation = validation_cases(plan, canvases)
    torch.manual_seed(plan.seed)
    network = build().to(memory_format=torch.channels_last)
    start(network, plan)
    epochs = plan.epochs or (QUICK_EPOCHS if plan.quick else EPOCHS)
    task = Bags(canvases["train"], validation, epochs, plan.quick)
    average = 0.8 if plan.quick else 0.98
    pace = Pace(epochs=epochs, patience=10, average=average, frozen_norm=True, bf16=plan.bf16)
    # In the network's own order, by which a resumed optimiser finds its state again.
    encoder = [name for name, _ in network.named_parameters() if name.startswith("patch_encoder.")]
    groups = [
        {"params": [one for name, one in network.named_parameters() if name in encoder], "lr": TRUNK_RATE},
        {"params": [one for name, one in network.named_parameters() if name not in encoder], "lr": HEAD_RATE},
    ]
    trainer = Trainer(network, task, pace, groups, plan.out)
    if plan.resume:
        trainer.resume()
        task.epoch = trainer.epoch
    network = trainer.run()
    set_temperatures(network, validation)
    torch.save(network.state_dict(), plan.out / "network.pt")


def set_temperatures(network: Any, validation: Sequence[Case]) -> None:
    """One temperature per trained head."""
    logits, answers = logits_of(network, validation), np.stack([case.answers for case in validation])
    for index, head in enumerate(HEADS):
        network.temperature[head] = fit_temperature(logits[:, index], answers[:, index])
