"""What belongs to the iSight systems: immunohistochemistry of tissue, real and drawn, close up and as whole cores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.spec import Micrograph, Pixels
from models.training.isight.cases import THUMBNAILS, TOUCHING, make_cases, shown
from models.training.isight.fit import Canvases
from models.training.isight.tissue import Canvas
from models.training.protocol import outliers
from models.training.protocol.plan import Plan
from models.training.protocol.splits import Role, decode
from models.training.protocol.tissue_gate import Belonging
from models.zoo._isight.bag import SIDE, views_of

DRAWN, QUICK_DRAWN = 260, 20
CROPS = 12
"""Further views of each real image: parts of it, as more or less of a slide is photographed."""
KINDS = {
    "H&E": "other-stain", "PCam": "other-stain", "smears": "smear", "healthy lymphocytes": "smear",
    outliers.PHOTOGRAPHS: "not-ihc",
}


def real_images(plan: Plan) -> dict[Role, list[Pixels]]:
    """The pixels of `real_paths`, by role."""
    return {role: [decode(path) for path in some] for role, some in real_paths(plan.data).items()}


def real_paths(folder: Path) -> dict[Role, list[Path]]:
    """Every real image of immunohistochemistry by role: one in four is kept for the limits, one for the test."""
    every = [path for family in ("IHC", "HPA", "HPA units") for path in outliers.family_paths(folder, family)]
    return {
        "train": [path for index, path in enumerate(every) if index % 4 < 2],
        "validation": every[2::4],
        "test": every[3::4],
    }


def views(images: Sequence[Pixels], crops: int, seed: int) -> list[Pixels]:
    """What serving would show the gate of these images, and of random parts of them."""
    rng, found = np.random.default_rng(seed), []
    for image in images:
        found += views_of(Micrograph(pixels=image))
        for _ in range(crops):
            size = [int(side * rng.uniform(0.5, 1)) for side in image.shape[:2]]
            top, left = (int(rng.integers(whole - part + 1)) for whole, part in zip(image.shape, size, strict=False))
            found.append(image[top : top + size[0], left : left + size[1]])
    return found


def drawn(canvases: Sequence[Canvas], count: int, seed: int) -> list[Pixels]:
    """The first view of each drawn image, thumbnails among them."""
    look = shown(SIDE, THUMBNAILS)
    return [views_of(Micrograph(pixels=case.pixels))[0] for case in make_cases(canvases, count, seed, TOUCHING, look)]


def belonging(plan: Plan, canvases: Canvases) -> Belonging:
    """In-domain views from training and validation sources, and what else the gate is shown."""
    real = real_images(plan)
    count = QUICK_DRAWN if plan.quick else DRAWN
    crops = 1 if plan.quick else CROPS
    parts = {
        role: [*views(real[role], crops, plan.seed), *drawn(canvases[role], some, plan.seed + 2)]
        for role, some in (("train", count), ("validation", count // 2))
    }
    return Belonging(
        train=parts["train"], validation=parts["validation"], kinds=KINDS, blur="blur", nothing="not-ihc",
        view=views_of,
    )
