"""The exported graphs as serving runs them, without the gate, for everything that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.engine import session_options
from models.runtime import ort
from models.spec import Pixels
from models.zoo._er.nuclei import Nuclei, count_nuclei
from models.zoo._er.regions import Regions, grade_regions
from models.zoo._er.tiles import segment


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was read from one image."""

    raw: NDArray[np.uint8]
    """Stage 1's class of every pixel, before nuclei were made of one class each."""
    nuclei: Nuclei
    regions: Regions


class Served:
    """Both stages by their ONNX files."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._predict, self._grade = (
            ort.InferenceSession(folder / f"{stem}{end}.onnx", session_options(1), providers=["CPUExecutionProvider"])
            for end in ("", ".grade")
        )

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (n, 3, 256, 256) to probabilities (n, 5, 256, 256)."""
        return np.asarray(self._predict.run(None, {"image": images})[0])

    def grade(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patches (n, 3, 64, 64) to probabilities (n, 4)."""
        return np.asarray(self._grade.run(None, {"patch": patches})[0])

    def read(self, pixels: Pixels) -> Found:
        """One image of any size."""
        raw = segment(pixels, self.predict)
        nuclei = count_nuclei(raw)
        return Found(raw=raw, nuclei=nuclei, regions=grade_regions(pixels, nuclei.painted, self.grade))
