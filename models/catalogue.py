"""Which models there are: every file of a folder that has a `SPEC`, found by scanning."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from models.installed import WEIGHTS, with_installed
from models.slides.reading import SlideReader
from models.spec import Micrograph, ModelSpec, Reading, Run

ZOO = Path(__file__).parent / "zoo"


class CatalogueError(RuntimeError):
    """The folder of models cannot be used as it is; the text names the file and what to change."""


class DuplicateKey(CatalogueError):
    """Two files claim the same model key."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model of the catalogue: what it is, how it reads, and its torch network for training."""

    spec: ModelSpec
    read: Callable[[Micrograph, Run], Reading]
    build: Callable[[], Any]
    file: Path
    slides: SlideReader | None = None
    """How it reads whole slides, where it does."""


class Catalogue:
    """The models found in one or more folders, in the order of their keys, with the weights installed for them."""

    def __init__(self, folders: Sequence[Path] = (ZOO,), weights: Path = WEIGHTS) -> None:
        found: dict[str, Entry] = {}
        for file in _model_files(folders):
            entry = _load(file, weights)
            earlier = found.get(entry.spec.key)
            if earlier is not None:
                raise DuplicateKey(
                    f"model key {entry.spec.key!r} is used by {earlier.file.name} and {file.name}"
                )
            found[entry.spec.key] = entry
        for entry in found.values():
            _check_name(entry)
        self._entries = dict(sorted(found.items()))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __getitem__(self, key: str) -> Entry:
        return self._entries[key]

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)


def _model_files(folders: Sequence[Path]) -> list[Path]:
    """Every `<key>.py`; files that start with "_" are shared parts."""
    return [
        file for folder in folders for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")
    ]


def _load(file: Path, weights: Path) -> Entry:
    module = _import(file)
    missing = [name for name in ("SPEC", "read", "build") if not hasattr(module, name)]
    if missing:
        raise CatalogueError(f"{file.name} is in the folder of models but has no {', '.join(missing)}")
    return Entry(spec=with_installed(module.SPEC, weights), read=module.read, build=module.build, file=file,
                 slides=getattr(module, "SLIDES", None))


def _import(file: Path) -> ModuleType:
    """The zoo's own files by their package name; a file from elsewhere under a name of its own."""
    if file.parent.resolve() == ZOO.resolve():
        return importlib.import_module(f"models.zoo.{file.stem}")
    name = f"models.dropped_in.{file.parent.name}.{file.stem}"
    described = importlib.util.spec_from_file_location(name, file)
    if described is None or described.loader is None:
        raise CatalogueError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(described)
    sys.modules[name] = module
    described.loader.exec_module(module)
    return module


def _check_name(entry: Entry) -> None:
    expected = entry.spec.key.replace("-", "_") + ".py"
    if entry.file.name != expected:
        raise CatalogueError(f"model {entry.spec.key!r} must stand in {expected}, not in {entry.file.name}")
