"""Whole blocks on one side: images of consecutive numbers come from one patient or slide."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from models.spec import Pixels

Role = Literal["train", "validation", "test"]
Block = tuple[int, int]
"""The stratum (a class, or 0) and the number of the block in it."""
ROLES: tuple[Role, ...] = ("train", "validation", "test")
SHARES: Mapping[Role, float] = {"train": 0.60, "validation": 0.15, "test": 0.25}


def split_blocks(blocks: Sequence[Block], seed: int, shares: Mapping[Role, float] = SHARES) -> list[Role]:
    """A role per item: whole blocks only, in each stratum about `shares` of the items (60 / 15 / 25 %)."""
    sizes: dict[Block, int] = defaultdict(int)
    for block in blocks:
        sizes[block] += 1
    role_of: dict[Block, Role] = {}
    for label in sorted({block[0] for block in blocks}):
        mine = sorted(block for block in sizes if block[0] == label)
        random.Random(f"{seed}-{label}").shuffle(mine)  # noqa: S311  (a split is no secret)
        role_of |= _deal(mine, sizes, shares)
    return [role_of[block] for block in blocks]


def _deal(shuffled: list[Block], sizes: Mapping[Block, int], shares: Mapping[Role, float]) -> dict[Block, Role]:
    """Each block goes to the role that is furthest below its share of the stratum."""
    total = sum(sizes[block] for block in shuffled)
    dealt: dict[Role, int] = dict.fromkeys(ROLES, 0)
    roles: dict[Block, Role] = {}
    for block in shuffled:
        neediest = max(ROLES, key=lambda role: shares[role] - dealt[role] / total)
        roles[block] = neediest
        dealt[neediest] += sizes[block]
    return roles


def files_sha256(paths: Sequence[Path]) -> str:
    """One hash over the sha256 of every file, in order: which images a result stands on."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def record_split(seed: int, paths: Mapping[Role, Sequence[Path]], counts: Mapping[Role, object], out: Path) -> None:
    """Writes `split.json`, or refuses to go on with another split than the run was begun with."""
    every = [path for role in ROLES for path in paths[role]]
    record = {
        "seed": seed,
        "files_sha256": files_sha256(sorted(set(every))),
        "counts": {role: counts[role] for role in ROLES},
        "files": {role: [path.name for path in paths[role]] for role in ROLES},
    }
    path = out / "split.json"
    if path.exists():
        if json.loads(path.read_text()) != json.loads(json.dumps(record)):
            raise ValueError(f"{path} records another split or other files; a fit's test images must stay unseen")
        return
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1))


def spread(count: int, most: int | None) -> list[int]:
    """Indexes of at most `most` of `count` items, evenly spread: what a quick run keeps."""
    if most is None or most >= count:
        return list(range(count))
    return [int(i) for i in np.linspace(0, count - 1, most)]


def decode(path: Path) -> Pixels:
    """One image file as RGB, at its own size."""

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
