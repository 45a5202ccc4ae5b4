"""Fine-tuning a served version on a clinic's own images: where it starts, who is kept out, and what it becomes."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.imaging.decode import decode
from models.imaging.errors import Unreadable
from models.imaging.limits import Limits
from models.own_versions import read_manifest, stale
from models.own_versions import spec_of as own_spec
from models.spec import ModelSpec, Pixels
from models.training.protocol.graphs import sha256_of
from models.training.protocol.plan import Plan, read_json
from models.training.protocol.splits import ROLES, SHARES, Role, record_split
from models.training.protocol.table import Labelled, TableError, read_labels

LEAST_IMAGES = 30
LEAST_GROUPS = 3
"""Of each class: to learn, to choose and to test."""
LEAST_CALIBRATING = 100
"""Validation images below which the temperature stays as it is: fewer would be fitted, not measured."""
FILE_LIMITS = Limits(max_bytes=400_000_000, max_pixels=200_000_000)
"""For a clinic's own files on its own machine: larger than what is accepted over the network."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """The version that a fit starts from, and that its result is compared with."""

    spec: ModelSpec
    files: Mapping[str, Path]
    """By graph, and "torch" for the weights as torch reads them where such a file is kept."""
    folder: Path | None
    """Of an own version: where it lies."""
    roles: Mapping[str, Role]
    """The side that an image was on when this version was fitted, by `mark`: what it has learnt from must not test."""

    def sides(self, groups: Sequence[str], paths: Sequence[Path]) -> dict[str, Role]:
        """The groups that hold images which this version knows, with the side that they must stay on.

        By the images' bytes: an export numbers its groups anew. A group that has grown together of several goes where
        most was learnt from it.
        """
        found: dict[str, Role] = {}
        for group, path in zip(groups, paths, strict=True) if self.roles else ():
            role = self.roles.get(mark(path))
            if role is not None:
                found[group] = min(role, found.get(group, role), key=ROLES.index)
        return found


@dataclass(frozen=True, kw_only=True)
class Example:
    """One image of the table: its true scores (a class by its name, or numbers), its group and its side."""

    path: Path
    group: str
    stratum: int
    role: Role
    label: str = ""
    scores: Mapping[str, float] | None = None
    um_per_px: float | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """The images of one side: prepared fields (n, …), labels (n,)."""

    fields: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a system brings so that it can be fine-tuned from the table of this name.

    `fit` writes `network.pt`. `write` makes the graphs that change (and "torch") from it in `plan.weights`, and says
    how far they are from torch; all other files are the base's own, the gate above all. `examples` deals the images.
    """

    table: str
    fit: Callable[[Plan], None]
    write: Callable[[Plan, Base], tuple[dict[str, Path], dict[str, float]]]
    examples: Callable[[Plan], list[Example]]


def base_of(plan: Plan) -> Base:
    """The published version, or the own one whose manifest the plan names. Raises ManifestError, or TableError."""
    published = Catalogue()[plan.key].spec
    if plan.base is None:
        files = {graph: WEIGHTS / file.name for graph, file in published.graphs.items()}
        return Base(spec=published, files=files | _torch(files["predict"].with_suffix(".pt")), folder=None, roles={})
    manifest = read_manifest(plan.base)
    if manifest.key != plan.key:
        raise TableError(f"{plan.base.name} is a version of {manifest.key}, not of {plan.key}.")
    spec = own_spec(published, manifest)
    if stale(spec, published):
        raise TableError(stale(spec, published))
    held: dict[str, Any] = read_json(plan.base)
    roles = {mark: role for role in ROLES for mark in held.get("marks", {}).get(role, ())}
    return Base(spec=spec, files={graph: plan.base.parent / file.name for graph, file in manifest.files.items()},
                folder=plan.base.parent, roles=roles)


def _torch(path: Path) -> dict[str, Path]:
    return {"torch": path} if path.is_file() else {}


def mark(path: Path) -> str:
    """An image in a manifest: told again, not read."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def deal(groups: Sequence[str], classes: Sequence[int], seed: int, known: Mapping[str, Role]) -> list[Role]:
    """A role per image: whole groups only, about 60, 15 and 25 % of the images of each stratum.

    A group's stratum is its commonest class. Where a stratum has three groups, every role gets one. A group that was
    dealt before (`known`) stays where it was.
    """
    strata = strata_of(groups, classes)
    sizes = Counter(groups)
    roles: dict[str, Role] = {}
    for stratum in sorted(set(strata.values())):
        mine = sorted(group for group in strata if strata[group] == stratum)
        random.Random(f"{seed}-{stratum}").shuffle(mine)  # noqa: S311  (a split is no secret)
        roles |= _deal(mine, sizes, known)
    return [roles[group] for group in groups]


def strata_of(groups: Sequence[str], classes: Sequence[int]) -> dict[str, int]:
    """The commonest class of each group, the first of equals."""
    counts: dict[str, Counter[int]] = {}
    for group, label in zip(groups, classes, strict=True):
        counts.setdefault(group, Counter())[label] += 1
    return {group: min(held, key=lambda label: (-held[label], label)) for group, held in counts.items()}


def _deal(shuffled: Sequence[str], sizes: Mapping[str, int], known: Mapping[str, Role]) -> dict[str, Role]:
    roles = {group: known[group] for group in shuffled if group in known}
    new = [group for group in shuffled if group not in roles]
    total = sum(sizes[group] for group in shuffled)
    for number, group in enumerate(new):
        dealt = {role: sum(sizes[one] for one, its in roles.items() if its == role) / total for role in ROLES}
        empty = [role for role in ROLES if role not in roles.values()]
        wanted = empty if len(new) - number <= len(empty) else ROLES
        roles[group] = max(wanted, key=lambda role: SHARES[role] - dealt[role])
    return roles


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


def record(plan: Plan, examples: Sequence[Example]) -> None:
    """Writes `split.json`, or ends where a run was begun with another split or other files."""
    by_role = {role: [one for one in examples if one.role == role] for role in ROLES}
    paths = {role: [one.path for one in some] for role, some in by_role.items()}
    counts = {role: len(some) for role, some in by_role.items()}
    try:
        record_split(plan.seed, paths, counts, plan.out)
    except ValueError as problem:
        raise TableError(f"{problem}. Fit again, into another --out.") from None


def pixels_of(path: Path) -> Pixels:
    """A clinic's own file as RGB. Raises TableError."""
    try:
        return decode(path.read_bytes(), FILE_LIMITS).pixels
    except Unreadable as problem:
        raise TableError(f"{path.name}: {problem}") from None


def begin(plan: Plan) -> None:
    """Clears the records of an earlier run, unless this one takes it up."""
    plan.out.mkdir(parents=True, exist_ok=True)
    if not plan.resume:
        for name in ("split.json", "epochs.jsonl"):
            (plan.out / name).unlink(missing_ok=True)
        plan.write()


def export(plan: Plan, tuning: Tuning) -> None:
    """The version's files and its manifest to the plan's weights: changed graphs of its own, copies of all others."""
    base, examples = base_of(plan), tuning.examples(plan)
    record(plan, examples)
    plan.weights.mkdir(parents=True, exist_ok=True)
    files, parity = tuning.write(plan, base)
    for graph in base.spec.graphs:
        if graph not in files:
            source = base.files[graph]
            files[graph] = plan.weights / f"{plan.stem}.{graph}{source.suffix}"
            shutil.copyfile(source, files[graph])
    published = Catalogue()[plan.key].spec
    held = {
        "key": plan.key, "version": plan.version, "published": published.version, "base": base.spec.version,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "files": {graph: {"name": path.name, "sha256": sha256_of(path)} for graph, path in files.items()},
        "images": sum(one.role != "test" for one in examples),
        "groups": len({one.group for one in examples if one.role != "test"}),
        "marks": {role: sorted(mark(one.path) for one in examples if one.role == role) for role in ROLES},
        "demonstration": NOT_COMPARED if published.demonstration else "",
        "figures": {"parity": parity, "seed": plan.seed, "quick": plan.quick,
                    "files_sha256": read_json(plan.out / "split.json")["files_sha256"]},
    }
    write_manifest(held, plan.manifest)
    told = ("key", "version", "base", "images", "groups", "figures")
    print(json.dumps({name: held[name] for name in told}, indent=1))
    print(f"Compare it before it is installed: python -m models.training compare {plan.key} --data FOLDER")


NOT_COMPARED = ("Demonstration only: fine-tuned here from weights that were fitted on drawn images, and not compared "
                "with expert scores yet.")
NOT_SHOWN = ("Demonstration only: fine-tuned here from weights that were fitted on drawn images; on the images that "
             "were kept out it was not shown to be better than always giving the mean score.")


def write_manifest(held: Mapping[str, Any], path: Path) -> None:
    """Renamed into place: a portal that looks into the folder finds it whole, and sees that the folder has changed."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(path)
