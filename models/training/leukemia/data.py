"""The leukemia images: where they are, which block each belongs to, and their pixels kept in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.imaging.resize import squash
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES, Block, Role, decode, record_split, split_blocks, spread
from models.zoo._smear import SIDE

BLOCK = 40
"""Consecutive file numbers kept together: neighbours come from one patient, and no patient ids exist."""
CLASSES = ("Benign", "Early", "Pre", "Pro")
QUICK = 160
"""Images per part that a quick run keeps."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One labelled image of the data set."""

    path: Path
    label: int
    number: int

    @property
    def block(self) -> Block:
        return self.label, (self.number - 1) // BLOCK


@dataclass(frozen=True, kw_only=True)
class Part:
    """The images of one role: fields (n, side, side, 3), labels (n,)."""

    samples: tuple[Sample, ...]
    fields: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @property
    def blocks(self) -> list[Block]:
        return [sample.block for sample in self.samples]


Parts = dict[Role, Part]


def list_samples(folder: Path) -> list[Sample]:
    """Every image of `<folder>/leukemia/<class>/<name>-<number>.jpg`, in order."""
    samples = []
    for label, name in enumerate(CLASSES):
        for path in sorted((folder / "leukemia" / name).glob("*.jpg")):
            number = re.search(r"(\d+)$", path.stem)
            if number:
                samples.append(Sample(path=path, label=label, number=int(number.group(1))))
    if not samples:
        raise FileNotFoundError(f"no leukemia images below {folder}; set PORTAL_DATASETS or --data")
    return samples


def load_parts(plan: Plan, side: int = SIDE) -> Parts:
    """Train, validation and test by whole blocks, recorded in `split.json`; one split per run."""
    samples = list_samples(plan.data)
    roles = split_blocks([sample.block for sample in samples], plan.seed)
    parts = {role: _load(samples, roles, role, plan, side) for role in ROLES}
    record_split(
        plan.seed,
        {role: [sample.path for sample in part.samples] for role, part in parts.items()},
        {role: np.bincount(part.labels, minlength=len(CLASSES)).tolist() for role, part in parts.items()},
        plan.out,
    )
    return parts


def _load(samples: Sequence[Sample], roles: Sequence[Role], role: Role, plan: Plan, side: int) -> Part:
    mine = [sample for sample, its in zip(samples, roles, strict=True) if its == role]
    mine = [mine[i] for i in spread(len(mine), QUICK if plan.quick else None)]
    shown = tqdm(mine, desc=f"decoding {role}", leave=False)
    return Part(
        samples=tuple(mine),
        fields=np.stack([squash(decode(sample.path), side) for sample in shown]),
        labels=np.array([sample.label for sample in mine], dtype=np.int64),
    )
