"""Versions that a clinic fine-tuned on its own images: a manifest and its files in a folder of the instance.

`<key>-<version>.json`, as `models.training export KEY --data FOLDER` writes it: `key`, `version`, `published`, `base`,
`made` (UTC), `files` ({graph: {"name", "sha256"}}), `images`, `groups`, `demonstration` and `figures`. A version is
whole by itself: an upgrade that replaces the published files takes nothing from it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.installed import ManifestError
from models.spec import ModelSpec, Own, WeightFile

VERSION = re.compile(r"[0-9a-z]{1,8}\.own-[0-9a-z]{1,16}", re.ASCII)
_KEY = re.compile(r"[0-9a-z][0-9a-z-]{0,63}", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}", re.ASCII)
COMPARISON = ".comparison.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a manifest says, checked; `files` may hold more than serving asks for, such as the torch weights."""

    key: str
    version: str
    own: Own
    files: Mapping[str, WeightFile]
    demonstration: str | None

    @property
    def stem(self) -> str:
        return f"{self.key}-{self.version}"


def read_manifest(path: Path) -> Manifest:
    """Raises ManifestError for a file that cannot be used as a manifest of an own version."""
    try:
        return _manifest(json.loads(path.read_bytes()), path)
    except OSError:
        raise ManifestError(f"{path.name} cannot be opened") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as problem:
        if isinstance(problem, ManifestError):
            raise
        raise ManifestError(f"{path.name} cannot be used: write it again with export") from None


def _manifest(held: dict[str, Any], path: Path) -> Manifest:
    key, version = str(held["key"]), str(held["version"])
    if not _KEY.fullmatch(key) or not VERSION.fullmatch(version) or path.name != f"{key}-{version}.json":
        raise ManifestError(f"{path.name} is not the manifest of a version that was fine-tuned here")
    files = {str(graph): WeightFile(name=str(one["name"]), sha256=str(one["sha256"]))
             for graph, one in held["files"].items()}
    if not all(_NAME.fullmatch(file.name) for file in files.values()):
        raise ManifestError(f"{path.name} names a file that does not lie beside it")
    own = Own(published=str(held["published"]), base=str(held["base"]), made=str(held["made"]),
              images=int(held["images"]), groups=int(held["groups"]))
    demonstration = held.get("demonstration")
    return Manifest(key=key, version=version, own=own, files=files,
                    demonstration=None if demonstration is None else str(demonstration))


def sentence(own: Own) -> str:
    """What stands beside every answer of such a version."""
    return (f"A version fine-tuned at this clinic from {own.images} reviewed images in {own.groups} groups; "
            "not the published one.")


def spec_of(spec: ModelSpec, manifest: Manifest) -> ModelSpec:
    """The published version's spec as this version needs it. Raises ManifestError where a graph is not listed."""
    absent = [graph for graph in spec.graphs if graph not in manifest.files]
    if absent:
        raise ManifestError(f"{manifest.stem}.json does not list {', '.join(absent)}")
    told = sentence(manifest.own)
    return replace(
        spec, version=manifest.version, own=manifest.own, notice=f"{spec.notice} {told}",
        training_data=f"{told} It started from version {manifest.own.base}. {spec.training_data}",
        graphs={graph: manifest.files[graph] for graph in spec.graphs},
        demonstration=spec.demonstration if manifest.demonstration is None else manifest.demonstration,
    )


def stale(spec: ModelSpec, published: ModelSpec) -> str:
    """Why an own version does not fit the published one that this portal has now, or nothing."""
    if spec.own is None or spec.own.published == published.version:
        return ""
    return (f"{spec.key} {spec.version} was made for version {spec.own.published}, and this portal now has version "
            f"{published.version}. Fine-tune it again from that.")


class OwnVersions:
    """The manifests of one folder, read again whenever something was put into it. Safe to share between threads."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._held: tuple[tuple[Manifest, ...], tuple[str, ...]] = ((), ())

    def of(self, spec: ModelSpec) -> tuple[ModelSpec, ...]:
        """The versions of this system, the oldest first. One that cannot be used is left out; `problems` names it."""
        found = []
        for manifest in self._read()[0]:
            if manifest.key == spec.key:
                try:
                    found.append(spec_of(spec, manifest))
                except ManifestError:
                    continue
        return tuple(found)

    def problems(self) -> tuple[str, ...]:
        """A sentence for every manifest that cannot be read."""
        return self._read()[1]

    def _read(self) -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
        """Manifests are renamed into place, which changes the folder's time: another process may have done so."""
        try:
            changed = None if self.folder is None else self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            changed = None
        if self.folder is None or changed is None:
            return (), ()
        with self._lock:
            if changed != self._seen:
                self._held, self._seen = _scan(self.folder), changed
            return self._held


def _scan(folder: Path) -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
    found, wrong = [], []
    for path in manifests_in(folder):
        try:
            found.append(read_manifest(path))
        except ManifestError as problem:
            wrong.append(str(problem))
    return tuple(sorted(found, key=lambda one: (one.key, one.own.made, one.version))), tuple(wrong)


def manifests_in(folder: Path) -> list[Path]:
    """Files that are, or should be, manifests of own versions."""
    return [path for path in sorted(folder.glob("*.own-*.json")) if not path.name.endswith(COMPARISON)]


def install(source: Path, folder: Path) -> Manifest:
    """Copies the one version that `source` holds, its comparison too, manifest last; gives the manifest.

    Raises ManifestError when there is none or more than one, a file is not the one that it lists, or another version
    of this name is there already: a version is never replaced, for stored answers name it.
    """
    found = manifests_in(source)
    if len(found) != 1:
        raise ManifestError(f"{source.name} must hold the manifest of exactly one version; it holds {len(found)}")
    manifest = read_manifest(found[0])
    for file in manifest.files.values():
        _check(source / file.name, file)
    held = folder / found[0].name
    if held.exists() and read_manifest(held).files != manifest.files:
        raise ManifestError(f"{manifest.stem} is installed already with other files; give the new one another name")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in manifest.files.values():
        _copy(source / file.name, folder / file.name)
    compared = source / f"{manifest.stem}{COMPARISON}"
    if compared.is_file():
        _copy(compared, folder / compared.name)
    _copy(found[0], held)
    return manifest


def _check(path: Path, file: WeightFile) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise ManifestError(f"{file.name} is listed and not there") from None
    if found != file.sha256:
        raise ManifestError(f"{file.name} is not the file that its manifest lists")


def _copy(source: Path, path: Path) -> None:
    """Whole or not at all."""
    if source.resolve() == path.resolve():
        return
    new = path.with_name(f"{path.name}.new")
    shutil.copyfile(source, new)
    new.replace(path)
