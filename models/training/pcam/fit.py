"""Fitting PCam: small crops of the centre first, whole patches last; one protocol with attention and without."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from models.spec import Pixels
from models.training.pcam.data import Part, load_parts
from models.training.pcam.mosaics import SERVED, thresholds
from models.training.pcam.teacher import soft_targets
from models.training.pcam.threshold import choose
from models.training.protocol.augment import Strength, recolour, restain, wear
from models.training.protocol.calibrate import fit_temperature
from models.training.protocol.eye import Eyes
from models.training.protocol.plan import Plan, write_json
from models.training.protocol.splits import Role
from models.training.protocol.trainer import Pace, Trainer
from models.zoo._pcam.network import SIDE, network

BATCH = 32
RATE = 1e-3
STAGES = ((6, 32), (6, 48), (4, 64))
"""Epochs, and the side of the crops they are taught on: what is small is fast, what is large tells more."""
WHOLE, WHOLE_RATE = 4, 5e-4
"""Epochs on whole patches, with the first two convolutions as the crops left them: half the time per patch."""
SHAKE = 4
"""Pixels by which a crop's centre may miss the patch's."""
TAUGHT = 0.5
"""Share of the teacher in the targets; the rest is the label."""
STRENGTH = Strength(
    hue=0.12, saturation=(0.75, 1.25), gain=0.06, brightness=0.1, contrast=0.2, stain=0.25, stain_shift=0.03,
    grey=0.05, scale=(0.9, 1.12), aspect=0.06, turn=math.pi, blur=0.6, noise=0.02, jpeg=0.05,
)


def as_batch(pixels: Pixels) -> Tensor:
    """Patches (n, h, w, 3) as the network sees them: (n, 3, h, w) in [0, 1], channels last in memory."""
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return batch.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def logits_of(net: Any, pixels: Pixels, size: int = 62) -> Tensor:
    """Logits (…, n) of patches (n, 96, 96, 3), without augmentation."""
    net.eval()
    return torch.cat([net(as_batch(pixels[i : i + size])) for i in range(0, len(pixels), size)], dim=-1)


def crops(batch: Tensor, side: int) -> Tensor:
    """Crops (n, 3, side, side) of patches (n, 3, 96, 96): any of the eight symmetries, half of them turned freely.

    A crop that is only mirrored or turned by quarters is made of the patch's own pixels, not of means of them.
    """
    n, whole = len(batch), batch.shape[-1]
    free = (torch.rand(n) < 0.5).float()
    angle = free * (torch.rand(n) * 2 - 1) * STRENGTH.turn + torch.randint(0, 4, (n,)) * (math.pi / 2)
    low, high = STRENGTH.scale
    scale = side / whole * (1 + free * (1 / (torch.rand(n) * (high - low) + low) - 1))
    stretch = torch.exp(free * (torch.rand(n) * 2 - 1) * STRENGTH.aspect)
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = angle.cos() * scale * stretch * flip, -angle.sin() * scale
    theta[:, 1, 0], theta[:, 1, 1] = angle.sin() * scale * stretch * flip, angle.cos() * scale
    theta[:, :, 2] = torch.randint(-SHAKE, SHAKE + 1, (n, 2)) * (2 / whole)
    grid = F.affine_grid(theta, [n, 3, side, side], align_corners=False)
    return F.grid_sample(batch, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def augmented(pixels: Pixels, side: int) -> Tensor:
    """Patches (n, 96, 96, 3) as augmented crops (n, 3, side, side) in [0, 1]."""
    batch = crops(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, side)
    if float(torch.rand(1)) < 0.7:
        batch = restain(batch, STRENGTH)
    return wear(recolour(batch, STRENGTH), STRENGTH).contiguous(memory_format=torch.channels_last)


class Both(nn.Module):
    """One trunk under two heads, with attention and without: what they differ in is the head alone."""

    def __init__(self) -> None:
        super().__init__()
        self.served, self.plain = network(attention=True), network(attention=False)
        self.plain.trunk = self.served.trunk

    def forward(self, image: Tensor) -> Tensor:
        """Logits (2, n)."""
        features = self.served.describe(image)
        return torch.stack([self.served.head(features), self.plain.head(features)])


class Patches:
    """What is taught: tumour or none, on crops of one side per epoch, by `targets` (n,)."""

    def __init__(self, parts: dict[Role, Part], targets: NDArray[np.float32], sides: Sequence[int]) -> None:
        self.train, self.validation = parts["train"], parts["validation"]
        self.targets, self.sides = torch.from_numpy(targets).float(), sides
        self.steps = math.ceil(len(targets) / BATCH)
        self.epoch = 0

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        side, self.epoch = self.sides[self.epoch], self.epoch + 1
        for chosen in torch.randperm(len(self.targets)).split(BATCH):
            yield augmented(self.train.pixels[chosen.numpy()], side), self.targets[chosen]

    def loss(self, net: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Of both heads alike."""
        logits = net(batch[0])
        return F.binary_cross_entropy_with_logits(logits, batch[1].expand_as(logits))

    def worth(self, net: Any) -> dict[str, float]:
        """Whole, unchanged validation patches: loss and accuracy of the served head, ROC area of both."""
        logits, labels = logits_of(net, self.validation.pixels).numpy(), self.validation.labels
        loss = log_loss(labels, expit(logits[0].astype(np.float64)), labels=[0, 1])
        right = float(((logits[0] > 0) == (labels == 1)).mean())
        areas = [float(roc_auc_score(labels, some)) for some in logits]
        return {"loss": float(loss), "accuracy": right, "auc": areas[0], "auc_plain": areas[1]}


@torch.no_grad()
def start(net: Any, pixels: Pixels) -> None:
    """Scales and shifts each convolution so that its outputs on these patches have mean 0 and variance 1.

    Stands for the batch norm that this network has no room for: 494,337 parameters, and none for norms.
    """
    features = as_batch(pixels)
    for convolution in net.trunk:
        nn.init.kaiming_normal_(convolution.weight)
        convolution.bias.zero_()
        answers = convolution(features)
        mean, spread = answers.mean(dim=(0, 2, 3)), answers.std(dim=(0, 2, 3))
        convolution.weight /= spread[:, None, None, None]
        convolution.bias -= mean / spread
        features = F.max_pool2d(convolution(features), 2).relu()


def sides_of(epochs: int) -> list[int]:
    """The side of the crops of each of so many epochs, in the proportions of STAGES."""
    whole = [side for count, side in STAGES for _ in range(count)]
    return [whole[math.ceil((i + 1) * len(whole) / epochs) - 1] for i in range(epochs)]


def fit_network(plan: Plan, parts: dict[Role, Part]) -> Any:
    """`Both`, first on crops and then on whole patches; checkpoints and `epochs.jsonl` in the plan's folder.

    The fit on crops has a folder of its own, `crops`, below it.
    """
    torch.manual_seed(plan.seed)
    both = Both().to(memory_format=torch.channels_last)
    rng = np.random.default_rng(plan.seed)
    start(both.served, parts["train"].pixels[rng.permutation(len(parts["train"].labels))[:64]])
    told = soft_targets(parts["train"], Eyes(plan.weights), plan.out)
    targets = TAUGHT * told + (1 - TAUGHT) * parts["train"].labels
    average = 0.9 if plan.quick else 0.995
    crop_epochs = plan.epochs or (2 if plan.quick else sum(count for count, _ in STAGES))
    pace = Pace(epochs=crop_epochs, patience=12, average=average, bf16=plan.bf16)
    _teach(plan, Patches(parts, targets, sides_of(crop_epochs)), both, pace, RATE, "crops")
    both.served.trunk[:2].requires_grad_(False)
    whole_epochs = plan.epochs or (1 if plan.quick else WHOLE)
    pace = Pace(epochs=whole_epochs, average=average, bf16=plan.bf16)
    return _teach(plan, Patches(parts, targets, [SIDE] * whole_epochs), both, pace, WHOLE_RATE, "")


def _teach(plan: Plan, task: Patches, both: Both, pace: Pace, rate: float, folder: str) -> Any:
    """One fit to its end, taken up where it stands if the plan says so."""
    taught = [parameter for parameter in both.parameters() if parameter.requires_grad]
    trainer = Trainer(both, task, pace, [{"params": taught, "lr": rate}], plan.out / folder)
    if plan.resume and (trainer.out / "last.pt").exists():
        trainer.resume()
        task.epoch = trainer.epoch
    return trainer.run()


QUICK = 300
"""Patches of a quick run, all parts together."""


def fit(plan: Plan) -> None:
    """`network.pt` is the served one, `without-attention.pt` the other; `threshold.json` says what to call tumour."""
    plan.write()
    parts = load_parts(plan, QUICK if plan.quick else None)
    finish(plan, fit_network(plan, parts), parts["validation"])


def finish(plan: Plan, both: Any, validation: Part) -> None:
    """Temperature and thresholds of both heads by the validation patches, and their files."""
    logits = logits_of(both, validation.pixels).double().numpy()
    found = {}
    for name, net, mine in (("network", both.served, logits[0]), ("without-attention", both.plain, logits[1])):
        temperature = fit_temperature(np.stack([np.zeros_like(mine), mine], axis=1), validation.labels)
        net.temperature.fill_(temperature)
        torch.save(net.state_dict(), plan.out / f"{name}.pt")
        chances = expit(mine / temperature)
        found[name] = {
            "temperature": temperature,
            "threshold": choose(chances, validation.labels),
            "slide_threshold": thresholds(chances, validation.labels, plan.seed)[SERVED],
        }
    write_json(found, plan.out / "threshold.json")
