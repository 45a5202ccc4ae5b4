"""Exports the shared eye: `python -m models.training.protocol.eye`, from the ImageNet weights of the datasets."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.engine import WEIGHTS, session_options
from models.runtime import ort
from models.spec import Pixels
from models.training.protocol.graphs import settled, sha256_of, write_graph
from models.training.protocol.plan import datasets_folder
from models.zoo._eye import EYE, SIDE, as_views, build

START = "weights/tf_mobilenetv3_small_100_imagenet_from_keras_int8.pth"


def start_trunk(trunk: Any, folder: Path) -> None:
    """ImageNet weights into a `tf_mobilenetv3_small_100` trunk; its batch norm arrives folded: keep it frozen."""
    state = torch.load(folder / START, map_location="cpu", weights_only=True)
    missing = trunk.load_state_dict(state, strict=False).missing_keys
    if missing:
        raise ValueError(f"{START} lacks {missing[:3]}")


def open_eyes(folder: Path) -> Any:
    """The torch network with its ImageNet weights, as it is exported."""
    network = build()
    start_trunk(network.trunk, folder)
    return settled(network)


class Eyes:
    """Embeddings by the exported graph, as serving computes them."""

    def __init__(self, weights: Path) -> None:
        self._session = ort.InferenceSession(weights / EYE.name, session_options(1), providers=["CPUExecutionProvider"])

    def embed(self, views: list[Pixels] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of views of any size: (n, 1376)."""
        return np.concatenate([self._session.run(None, {"image": as_views([view])})[0] for view in views])


def main() -> None:
    """Writes the graph and prints the sha256 that `_eye.EYE` must name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=datasets_folder())
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    asked = parser.parse_args()
    path = asked.weights / EYE.name
    write_graph(open_eyes(asked.data), (torch.zeros(1, 3, SIDE, SIDE),), path, ["image"], ["embedding"])
    print(path.name, sha256_of(path), path.stat().st_size)


if __name__ == "__main__":
    main()
