"""The exported files as serving runs them, whatever their hashes: for everything that is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.engine import session_options
from models.imaging.resize import squash
from models.runtime import ort
from models.spec import Pixels
from models.training.protocol.eye import Eyes
from models.training.protocol.tissue_gate import passes
from models.zoo._eye import EYE
from models.zoo._pcam.network import SIDE
from models.zoo._pcam.rules import as_input
from models.zoo.pcam import SPEC

Arrays = dict[str, NDArray[Any]]


class Served:
    """The system's graphs and gate from one folder; `run` is what `zoo.pcam.read` asks."""

    def __init__(self, weights: Path) -> None:
        self.eyes = Eyes(weights)
        names = {"predict": SPEC.graphs["predict"].name, "eye": EYE.name}
        self._sessions = {
            graph: ort.InferenceSession(weights / name, session_options(1), providers=["CPUExecutionProvider"])
            for graph, name in names.items()
        }
        with np.load(weights / SPEC.graphs["gate"].name, allow_pickle=False) as archive:
            self.parameters: Arrays = {name: archive[name] for name in archive.files}

    def run(self, graph: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """As the engine's, without its check of hashes."""
        if graph == "gate":
            return self.parameters
        session = self._sessions[graph]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    def chances(self, patches: Sequence[Pixels], what: str) -> NDArray[np.float32]:
        """Probability of metastasis (n,) of patches of any size, as a single patch is read."""
        found = [
            self.run("predict", {"image": as_input([squash(patch, SIDE)])})["probability"]
            for patch in tqdm(patches, desc=what, leave=False)
        ]
        return np.concatenate(found)

    def passed(self, patches: Sequence[Pixels]) -> NDArray[np.bool_]:
        """Which patches the whole gate lets pass, quality and domain."""
        return passes([squash(patch, SIDE) for patch in patches], self.parameters, self.eyes)
