"""Fine-tuning a served version on a clinic's own images: where it starts, who is kept out, and what it becomes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.imaging.decode import decode
from models.imaging.errors import Unreadable
from models.imaging.limits import Limits
from models.own_versions import read_manifest, stale
from models.own_versions import spec_of as own_spec
from models.spec import ModelSpec, Nucleus, Pixels
from models.training.protocol.dealing import deal
from models.training.protocol.fitted import FITTED
from models.training.protocol.plan import Plan, read_json
from models.training.protocol.splits import ROLES, Role, record_split
from models.training.protocol.table import LEAST_GROUPS, TableError

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
    """One image of the table: what its readers said (a class, numbers, answers or nuclei), its group and its side."""

    path: Path
    group: str
    stratum: int
    role: Role
    label: str = ""
    scores: Mapping[str, float] | None = None
    answers: Mapping[str, str] | None = None
    nuclei: tuple[Nucleus, ...] = ()
    um_per_px: float | None = None


def roles_of(plan: Plan, groups: Sequence[str], paths: Sequence[Path]) -> list[Role]:
    """A role per image that has no class of its own, in the groups as the base dealt them. Raises TableError."""
    if len(set(groups)) < LEAST_GROUPS:
        raise TableError(f"There are images of {len(set(groups))} groups; at least {LEAST_GROUPS} are needed: to "
                         "learn, to choose and to test.")
    return deal(groups, [0] * len(groups), plan.seed, base_of(plan).sides(groups, paths))


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
        for name in ("split.json", "epochs.jsonl", FITTED):
            (plan.out / name).unlink(missing_ok=True)
        plan.write()


def write_manifest(held: Mapping[str, Any], path: Path) -> None:
    """Renamed into place: a portal that looks into the folder finds it whole, and sees that the folder has changed."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(path)
