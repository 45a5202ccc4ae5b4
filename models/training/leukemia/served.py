"""The exported graph as serving runs it, for everything that is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from models.engine import session_options
from models.imaging.resize import squash
from models.runtime import ort
from models.spec import Pixels
from models.training.leukemia.moving import augment
from models.training.protocol.augment import Strength, to_network
from models.zoo._smear import as_input

Floats = NDArray[np.float32]


class Served:
    """Probabilities and embeddings by the ONNX graph of one file; `side` is that of its input in pixels."""

    def __init__(self, predict: Path) -> None:
        self._session = ort.InferenceSession(predict, session_options(1), providers=["CPUExecutionProvider"])
        self.side = int(self._session.get_inputs()[0].shape[-1])

    def ask(self, image: Floats) -> tuple[Floats, Floats]:
        """Probabilities (1, 4) and embedding (1, d) of one input (1, 3, side, side) in [-1, 1]."""
        found: list[Any] = self._session.run(["probabilities", "embedding"], {"image": image})
        return found[0], found[1]

    def input_of(self, field: Pixels) -> Floats:
        """A field (224, 224, 3) as the graph takes it."""
        return as_input(squash(field, self.side))

    def read(self, fields: NDArray[np.uint8], what: str) -> tuple[Floats, Floats]:
        """The same of many fields (n, 224, 224, 3)."""
        answers = [self.ask(self.input_of(field)) for field in tqdm(fields, desc=what, leave=False)]
        return _stacked(answers)

    def read_moved(
        self, fields: NDArray[np.uint8], copies: int, strength: Strength, what: str
    ) -> tuple[Floats, Floats]:
        """The same of `copies` augmented versions of each field."""
        answers = []
        for first in tqdm(range(0, len(fields) * copies, 32), desc=f"{what}, augmented", leave=False):
            chosen = np.arange(first, min(first + 32, len(fields) * copies)) % len(fields)
            sized = np.stack([squash(fields[i], self.side) for i in chosen])
            batch = to_network(augment(torch.from_numpy(sized), strength)).numpy()
            answers += [self.ask(image[None]) for image in batch]
        return _stacked(answers)


def _stacked(answers: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    probabilities, embeddings = zip(*answers, strict=True)
    return np.concatenate(probabilities), np.concatenate(embeddings)
