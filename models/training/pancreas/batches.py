"""From bytes to what the network takes, and what it says of whole fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.training.pancreas.data import middle
from models.zoo.pancreas import MEAN, SPREAD

SIZE = 16


def as_batch(fields: NDArray[np.uint8]) -> Tensor:
    """Bytes (n, h, w, 3) to [0, 1], (n, 3, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(fields)).permute(0, 3, 1, 2).float() / 255


def normalised(batch: Tensor) -> Tensor:
    """[0, 1] to what the network takes."""
    return (batch - torch.from_numpy(MEAN)[:, None, None]) / torch.from_numpy(SPREAD)[:, None, None]


@torch.no_grad()
def features_of(network: Any, fields: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean features (n, 512) of whole fields (n, 256, 256, 3), of which the middle is seen as in serving."""
    network.eval()
    seen = middle(fields)
    parts = [
        network.describe(normalised(as_batch(seen[i : i + SIZE]))).mean(dim=(2, 3)) for i in range(0, len(seen), SIZE)
    ]
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found


@torch.no_grad()
def shares_of(network: Any, fields: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares (n, 4) in [0, 1] of whole fields (n, 256, 256, 3), read as serving reads them."""
    found: NDArray[np.float32] = network.head(torch.from_numpy(features_of(network, fields))).clamp(0, 1).numpy()
    return found
