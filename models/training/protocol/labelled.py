"""A clinic's images of one class each: dealt, refused where they are too few, and made into fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.catalogue import Catalogue
from models.spec import ModelSpec, Pixels
from models.training.protocol.dealing import deal, strata_of
from models.training.protocol.own import Example, base_of, pixels_of, record
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES, Role
from models.training.protocol.table import LEAST_GROUPS, LEAST_IMAGES, Labelled, TableError, read_labels


@dataclass(frozen=True, kw_only=True)
class Part:
    """The images of one side: prepared fields (n, …), labels (n,)."""

    fields: NDArray[np.uint8]
    labels: NDArray[np.int64]


def label_examples(plan: Plan) -> list[Example]:
    """The images of `labels.csv`, dealt. Raises TableError, also where they are too few to learn from."""
    spec = Catalogue()[plan.key].spec
    rows = read_labels(plan.data, spec)
    _check_enough(rows, spec)
    groups, labels = [row.group for row in rows], [row.label for row in rows]
    roles = deal(groups, labels, plan.seed, base_of(plan).sides(groups, [row.path for row in rows]))
    lacking = [label.name for i, label in enumerate(spec.labels)
               if not any(one == i and role == "train" for one, role in zip(labels, roles, strict=True))]
    if lacking:
        raise TableError(f"No image of {' or '.join(lacking)} would be learnt from: spread them over more groups.")
    strata = strata_of(groups, labels)
    return [Example(path=row.path, group=row.group, stratum=strata[row.group], role=role,
                    label=spec.labels[row.label].name, um_per_px=row.um_per_px)
            for row, role in zip(rows, roles, strict=True)]


def _check_enough(rows: Sequence[Labelled], spec: ModelSpec) -> None:
    if len(rows) < LEAST_IMAGES:
        raise TableError(f"There are {len(rows)} images to learn from; at least {LEAST_IMAGES} are needed.")
    for index, label in enumerate(spec.labels):
        groups = {row.group for row in rows if row.label == index}
        if len(groups) < LEAST_GROUPS:
            raise TableError(
                f"{label.name} has images of {len(groups)} groups; at least {LEAST_GROUPS} are needed of every class: "
                "to learn, to choose and to test. A class without images would be unlearnt."
            )


def load_parts(plan: Plan, prepare: Callable[[Pixels], Pixels]) -> dict[Role, Part]:
    """The labelled images as fields, by role, recorded in `split.json`. Raises TableError."""
    examples = label_examples(plan)
    names = [label.name for label in Catalogue()[plan.key].spec.labels]
    record(plan, examples)
    parts: dict[Role, Part] = {}
    for role in ROLES:
        mine = [one for one in examples if one.role == role]
        fields = [prepare(pixels_of(one.path)) for one in tqdm(mine, desc=f"decoding {role}", leave=False)]
        if not fields:
            raise TableError("There are too few groups to learn from some, to choose by others and to test on more.")
        labels = np.array([names.index(one.label) for one in mine], np.int64)
        parts[role] = Part(fields=np.stack(fields), labels=labels)
    return parts
