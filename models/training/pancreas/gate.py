"""What the pancreas gate is fitted on: tissue in haematoxylin and eosin, drawn and real, against all else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.spec import Pixels
from models.training.pancreas.data import Part, middle
from models.training.protocol import outliers
from models.training.protocol.plan import Plan
from models.training.protocol.splits import Role, decode
from models.training.protocol.tissue_gate import Belonging, fit_tissue_gate
from models.zoo.pancreas import DOMAIN, views

SECTIONS = ("he/nct_crc/*.tif", "he/lc25000/*.jpeg", "he/pancreas/*.png")
EMPTY = "BACK"
"""NCT-CRC's tiles of bare glass: no tissue."""
FAMILIES = {
    "healthy lymphocytes": "blood-smear",
    "smears": "blood-smear",
    "IHC": "wrong-stain",
    "HPA": "wrong-stain",
    "HPA units": "wrong-stain",
    outliers.PHOTOGRAPHS: "not-tissue",
}
"""Real images of other kinds. PCam's patches are this stain too; they are refused for their size alone."""
DRAWN: dict[Role, int] = {"train": 300, "validation": 120}
CROPS: dict[Role, int] = {"train": 300, "validation": 80}


def sections(folder: Path) -> dict[Role, list[Pixels]]:
    """The pixels of `section_paths`, by role."""
    return {role: [decode(path) for path in paths] for role, paths in section_paths(folder).items()}


def section_paths(folder: Path) -> dict[Role, list[Path]]:
    """Real tissue in haematoxylin and eosin, half to fit on, a quarter to set limits by, a quarter to test."""
    paths = [path for pattern in SECTIONS for path in sorted(folder.glob(pattern)) if not path.name.startswith(EMPTY)]
    ranked = sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).digest())
    first, second = len(ranked) // 2, len(ranked) * 3 // 4
    return {"train": ranked[:first], "validation": ranked[first:second], "test": ranked[second:]}


def inside(part: Part, real: Sequence[Pixels], role: Role, seed: int) -> list[Pixels]:
    """In-domain views of one role: drawn ones, and crops of real sections."""
    drawn = list(middle(part.fields[: DRAWN[role]]))
    if not real:
        return drawn
    rng = np.random.default_rng((seed, len(real)))
    return [*drawn, *outliers.crops(real, CROPS[role], (0.4, 1.0), rng)]


def fit_gate(plan: Plan, parts: dict[Role, Part]) -> dict[str, Any]:
    """Writes the gate; gives what `fit_tissue_gate` measured of it."""
    real = sections(plan.data)
    belonging = Belonging(
        train=inside(parts["train"], real["train"], "train", plan.seed),
        validation=inside(parts["validation"], real["validation"], "validation", plan.seed),
        kinds=FAMILIES,
        blur="blur",
        nothing="not-tissue",
        view=views,
    )
    return fit_tissue_gate(plan, belonging, DOMAIN)
