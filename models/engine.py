"""Loads each model's files once, checks what they are, and runs them from any number of threads."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import installed
from models.catalogue import Catalogue
from models.own_versions import OwnVersions, stale
from models.runtime import ort
from models.slides.reading import SlideSystem
from models.spec import Micrograph, ModelSpec, Reading, Run, WeightFile, unserved_spec

WEIGHTS = installed.WEIGHTS

Arrays = dict[str, NDArray[Any]]
Runner = Callable[[Mapping[str, NDArray[Any]]], Arrays]


class WeightsError(RuntimeError):
    """A model's file cannot be used; the text says which and why."""


class WeightsMissing(WeightsError):
    """A file that the model needs is not there."""


class WeightsMismatch(WeightsError):
    """A file is not the one that the model was measured with."""


class UnknownModel(KeyError):
    """No model of the catalogue has this key."""


class UnknownVersion(UnknownModel):
    """The model has no such version here."""


class NoSlides(ValueError):
    """The model reads images only."""


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """Whether a model's files are whole; `problem` is empty when they are.

    `absent`: a candidate that nobody installed, or an own version whose files are gone or that an upgrade has left
    behind, which is no fault: another member of its family, or the published version, stands for it.
    """

    key: str
    version: str
    ok: bool
    problem: str = ""
    absent: bool = False


class Engine:
    """Reads images with the catalogue's models. Safe to share between threads.

    A version is named with its key; without one the published version is meant. Which version is offered is no
    business of the engine: every process has its own, and the choice is common to all.
    """

    def __init__(
        self, catalogue: Catalogue | None = None, *, weights: Path = WEIGHTS, own: Path | None = None, threads: int = 1
    ) -> None:
        self._catalogue = Catalogue(weights=weights) if catalogue is None else catalogue
        self._weights = weights
        self._own = OwnVersions(own)
        self._options = session_options(threads)
        self._runners: dict[str, Runner] = {}
        """By sha256: a file that several systems name is loaded once."""
        self._whole: dict[str, tuple[str, int, int, int]] = {}
        """By sha256: place, inode, size and time of change with which a file was last found whole."""
        self._loading = threading.Lock()
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)

    def specs(self) -> tuple[ModelSpec, ...]:
        return tuple(entry.spec for entry in self._catalogue)

    @property
    def own_folder(self) -> Path | None:
        """Where the versions lie that were fine-tuned here."""
        return self._own.folder

    def own_problems(self) -> tuple[str, ...]:
        """A sentence for every file there that should be a manifest and cannot be used."""
        return self._own.problems()

    def versions(self, key: str) -> tuple[ModelSpec, ...]:
        """The published version, then those that were fine-tuned here, the oldest first. Raises UnknownModel."""
        published = self.spec(key)
        return published, *self._own.of(published)

    def spec(self, key: str, version: str = "") -> ModelSpec:
        """The model of this key, in its published version unless another is named. Raises UnknownModel."""
        if key not in self._catalogue:
            raise UnknownModel(key)
        published = self._catalogue[key].spec
        if version in ("", published.version):
            return published
        found = next((one for one in self._own.of(published) if one.version == version), None)
        if found is None:
            raise UnknownVersion(f"{key} {version}")
        return found

    def recorded_spec(self, key: str, version: str) -> ModelSpec:
        """What is known of the version that made a stored answer; of one that is gone, only its name."""
        try:
            return self.spec(key, version)
        except UnknownModel:
            return unserved_spec(key, version, self._catalogue[key].spec.labels if key in self._catalogue else ())

    def read(self, key: str, micrograph: Micrograph, version: str = "") -> Reading:
        """What the model says of a micrograph. Raises UnknownModel, WeightsError, or the model's own."""
        run = self._run(key, version)
        return self._catalogue[key].read(micrograph, run)

    def reads_slides(self, key: str) -> bool:
        """Whether the model reads whole slides, not only what is cut out of them. Raises UnknownModel."""
        self.spec(key)
        return self._catalogue[key].slides is not None

    def slides(self, key: str, version: str = "") -> SlideSystem:
        """What reads whole slides with this version. Raises NoSlides, UnknownModel or WeightsError."""
        reader = self._catalogue[key].slides if self.reads_slides(key) else None
        if reader is None:
            raise NoSlides(key)
        threads = max(1, len(os.sched_getaffinity(0)) // self._options.intra_op_num_threads)
        return SlideSystem(reader=reader, run=self._run(key, version), threads=threads)

    def _run(self, key: str, version: str) -> Run:
        """What a model's code runs its graphs with. Raises WeightsMissing."""
        spec = self.spec(key, version)
        if problem := self._absence(spec):
            raise WeightsMissing(problem)

        def run(graph: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
            # More at once than there are cores would only take more memory, not less time. A turn is one run
            # and not one reading, so that an image of a hundred tiles lets others' images in between.
            with self._slots:
                return self._runner(spec.graphs[graph])(inputs)

        return run

    def bytes_on_disk(self, key: str, version: str = "") -> int | None:
        """How much a version's files take; None while it cannot be read with. Looks at no content."""
        spec = self.spec(key, version)
        if self._absence(spec):
            return None
        try:
            return sum(self._path(file).stat().st_size for file in spec.graphs.values()) or None
        except FileNotFoundError:
            return None

    def verify(self, *, quick: bool = False) -> tuple[ModelState, ...]:
        """Reads every file of every version from disk again and compares its sha256.

        `quick` reads only files whose place, size or time of change differ from when they were last found whole.
        """
        return tuple(self.state(spec.key, one.version, quick=quick)
                     for spec in self.specs() for one in self.versions(spec.key))

    def state(self, key: str, version: str = "", *, quick: bool = False) -> ModelState:
        """The same for one version. Raises UnknownModel."""
        spec = self.spec(key, version)
        if problem := self._absence(spec):
            return ModelState(key=spec.key, version=spec.version, ok=False, problem=problem, absent=True)
        try:
            for file in spec.graphs.values():
                self._check(self._path(file), file, quick)
        except WeightsError as error:
            replaced = spec.own is not None or spec.family not in ("", spec.key)
            absent = isinstance(error, WeightsMissing) and replaced
            return ModelState(key=spec.key, version=spec.version, ok=False, problem=str(error), absent=absent)
        return ModelState(key=spec.key, version=spec.version, ok=True)

    def _check(self, path: Path, file: WeightFile, quick: bool) -> None:
        """Raises WeightsError for a file that is missing or another one."""
        try:
            there = path.stat()
        except FileNotFoundError:
            raise WeightsMissing(f"{file.name} is not in the folder of weights") from None
        seen = (str(path), there.st_ino, there.st_size, there.st_mtime_ns)
        if not (quick and self._whole.get(file.sha256) == seen):
            _checked_bytes(path, file)
            self._whole[file.sha256] = seen

    def _absence(self, spec: ModelSpec) -> str:
        """Why there is nothing to read with, before any file is opened."""
        if not spec.installed:
            return installed.missing(spec, self._weights)
        return stale(spec, self.spec(spec.key))

    def _path(self, file: WeightFile) -> Path:
        """Where a file lies: with the published ones, or with those of the clinic."""
        published = self._weights / file.name
        if self._own.folder is None or published.exists():
            return published
        own = self._own.folder / file.name
        return own if own.exists() else published

    def _runner(self, file: WeightFile) -> Runner:
        known = self._runners.get(file.sha256)
        if known is not None:
            return known
        with self._loading:
            if file.sha256 not in self._runners:
                self._runners[file.sha256] = self._load(file)
            return self._runners[file.sha256]

    def _load(self, file: WeightFile) -> Runner:
        held = _checked_bytes(self._path(file), file)
        if file.name.endswith(".npz"):
            return _constant(held)
        session = ort.InferenceSession(held, self._options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _checked_bytes(path: Path, file: WeightFile) -> bytes:
    """The bytes that were hashed are the bytes that are used."""
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        raise WeightsMissing(f"{file.name} is not in the folder of weights") from None
    found = hashlib.sha256(held).hexdigest()
    if found != file.sha256:
        raise WeightsMismatch(
            f"{file.name} has sha256 {found[:12]}…, expected {file.sha256[:12]}…: restore the published file"
        )
    return held


def _constant(held: bytes) -> Runner:
    """An artefact of plain arrays answers with them, whatever it is asked."""
    with np.load(io.BytesIO(held), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for array in arrays.values():
        array.flags.writeable = False
    return lambda _inputs: dict(arrays)


def session_options(threads: int) -> ort.SessionOptions:
    """Small memory and no busy waiting: requests share few cores, and idle threads cost nothing."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
