"""The PCam patches: their labels, the blocks of look-alike stain they are split by, their pixels in memory."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from models.spec import Pixels
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES, Block, Role, decode, record_split, split_blocks, spread

SHARES: dict[Role, float] = {"train": 0.70, "validation": 0.10, "test": 0.20}
LOOKS = 240
"""Blocks of look-alike stain, of about 26 patches each."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One labelled patch: 1 when at least one pixel of its centre 32×32 is tumour."""

    path: Path
    label: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One role of the split: pixels (n, 96, 96, 3), labels (n,), and the block of each."""

    patches: Sequence[Patch]
    pixels: Pixels
    labels: NDArray[np.int64]
    blocks: Sequence[Block]


def list_patches(folder: Path) -> list[Patch]:
    """Every row of `<folder>/pcam/labels.csv`, in the order of the file names."""
    table = folder / "pcam" / "labels.csv"
    if not table.is_file():
        raise FileNotFoundError(f"no PCam patches below {folder}; set PORTAL_DATASETS or --data")
    with table.open(newline="") as rows:
        found = [Patch(path=folder / "pcam" / row["file"], label=int(row["label"])) for row in csv.DictReader(rows)]
    return sorted(found, key=lambda patch: patch.path.name)


def load_parts(plan: Plan, most: int | None = None) -> dict[Role, Part]:
    """Train, validation and test by whole blocks of look-alike stain, recorded in `split.json`."""
    patches = list_patches(plan.data)
    if most is not None:
        patches = [patches[i] for i in spread(len(patches), most)]
    pixels = np.stack([decode(patch.path) for patch in tqdm(patches, desc="patches", leave=False)])
    labels = np.array([patch.label for patch in patches], dtype=np.int64)
    blocks = looks(pixels, count=max(10, LOOKS * len(patches) // 6200), seed=plan.seed)
    roles = np.array(split_blocks(blocks, plan.seed, SHARES))
    parts: dict[Role, Part] = {}
    for role in ROLES:
        mine = np.flatnonzero(roles == role)
        parts[role] = Part(
            patches=[patches[i] for i in mine],
            pixels=pixels[mine],
            labels=labels[mine],
            blocks=[blocks[i] for i in mine],
        )
    counts = {role: np.bincount(part.labels, minlength=2).tolist() for role, part in parts.items()}
    paths = {role: [one.path for one in part.patches] for role, part in parts.items()}
    record_split(plan.seed, paths, counts, plan.out)
    return parts


def looks(pixels: Pixels, count: int, seed: int) -> list[Block]:
    """A block per patch (n, h, w, 3) by k-means over the mean and spread of its optical densities.

    The files carry no slide and no order: names are hashes. Patches of one slide share its stain, so that
    look-alikes on one side keep most neighbours together; nothing shows that every slide stays whole.
    """
    density = -np.log(np.maximum(pixels[:, ::2, ::2], 1) / np.float32(255))
    numbers = np.concatenate([density.mean(axis=(1, 2)), density.std(axis=(1, 2))], axis=1)
    groups = KMeans(count, n_init=1, random_state=seed).fit_predict(StandardScaler().fit_transform(numbers))
    return [(0, int(group)) for group in groups]
