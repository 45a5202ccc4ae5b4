"""The leukemia images: where they are, which block each belongs to, and their pixels kept in memory."""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from models.spec import Pixels
from models.zoo._smear import squash

Role = Literal["train", "validation", "test"]
ROLES: tuple[Role, ...] = ("train", "validation", "test")
SHARES = {"train": 0.60, "validation": 0.15, "test": 0.25}
BLOCK = 40
"""Consecutive file numbers kept together: neighbours come from one patient, and no patient ids exist."""
CLASSES = ("Benign", "Early", "Pre", "Pro")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One labelled image of the data set."""

    path: Path
    label: int
    number: int

    @property
    def block(self) -> tuple[int, int]:
        return self.label, (self.number - 1) // BLOCK


def datasets_folder() -> Path:
    """The folder of real images, beside the project unless PORTAL_DATASETS names another."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("PORTAL_DATASETS") or beside)


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


def split_blocks(blocks: Sequence[tuple[int, int]], seed: int) -> list[Role]:
    """A role per item: whole blocks only, in each class about 60 / 15 / 25 % of the items."""
    sizes: dict[tuple[int, int], int] = defaultdict(int)
    for block in blocks:
        sizes[block] += 1
    role_of: dict[tuple[int, int], Role] = {}
    for label in sorted({block[0] for block in blocks}):
        mine = sorted(block for block in sizes if block[0] == label)
        random.Random(f"{seed}-{label}").shuffle(mine)  # noqa: S311  (a split is no secret)
        role_of |= _deal(mine, sizes)
    return [role_of[block] for block in blocks]


def _deal(shuffled: list[tuple[int, int]], sizes: dict[tuple[int, int], int]) -> dict[tuple[int, int], Role]:
    """Each block goes to the role that is furthest below its share of the class."""
    total = sum(sizes[block] for block in shuffled)
    dealt: dict[Role, int] = dict.fromkeys(ROLES, 0)
    roles: dict[tuple[int, int], Role] = {}
    for block in shuffled:
        neediest = max(ROLES, key=lambda role: SHARES[role] - dealt[role] / total)
        roles[block] = neediest
        dealt[neediest] += sizes[block]
    return roles


def decode(path: Path) -> Pixels:
    """One image file as RGB, at its own size."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def load_fields(paths: Sequence[Path], what: str) -> NDArray[np.uint8]:
    """Images at the network's size, (n, 224, 224, 3), decoded once."""
    return np.stack([squash(decode(path)) for path in tqdm(paths, desc=f"decoding {what}", leave=False)])


def files_sha256(paths: Sequence[Path]) -> str:
    """One hash over the sha256 of every file, in order: which images a result stands on."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Part:
    """The images of one role: fields (n, 224, 224, 3), labels (n,)."""

    role: Role
    samples: tuple[Sample, ...]
    fields: NDArray[np.uint8]
    labels: NDArray[np.int64]


def load_part(samples: Sequence[Sample], roles: Sequence[Role], role: Role, most: int | None = None) -> Part:
    """The part of one role; `most` keeps that many, evenly spread, for a quick run."""
    mine = [sample for sample, its in zip(samples, roles, strict=True) if its == role]
    if most is not None and most < len(mine):
        mine = [mine[int(i)] for i in np.linspace(0, len(mine) - 1, most)]
    fields = load_fields([sample.path for sample in mine], role)
    labels = np.array([sample.label for sample in mine], dtype=np.int64)
    return Part(role=role, samples=tuple(mine), fields=fields, labels=labels)
