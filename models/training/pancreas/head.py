"""The linear layer in closed form: after the fit, the best four lines through its features are computed, not sought."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from models.training.pancreas.batches import features_of
from models.training.pancreas.data import Part

ALPHAS = (1.0, 10.0, 100.0, 1000.0)
FITTED_LAYER = "fitted"
"""The layer as the fit left it, among the candidates."""


@torch.no_grad()
def settle_head(network: Any, train: Part, validation: Part) -> dict[str, float]:
    """Ridge regression on the training features; it replaces the fitted layer where validation says it is better.

    Gives the validation error by candidate: "fitted", and each ridge by its strength.
    """
    seen, held = features_of(network, train.fields), features_of(network, validation.fields)
    own = tuple(one.detach().numpy().copy() for one in (network.head.weight, network.head.bias))
    candidates = {FITTED_LAYER: own} | {f"ridge {alpha:g}": _ridge(seen, train.shares, alpha) for alpha in ALPHAS}
    errors = {
        name: float(np.square((held @ weight.T + bias).clip(0, 1) - validation.shares).mean())
        for name, (weight, bias) in candidates.items()
    }
    weight, bias = candidates[min(errors, key=lambda name: errors[name])]
    network.head.weight.copy_(torch.from_numpy(weight))
    network.head.bias.copy_(torch.from_numpy(bias))
    return errors


def _ridge(
    features: NDArray[np.float32], shares: NDArray[np.float32], alpha: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight (4, 512) and bias (4,) that are best on features (n, 512), each feature counted in its own spread."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    found = Ridge(alpha=alpha).fit((features - mean) / spread, shares)
    weight = found.coef_ / spread
    return weight.astype(np.float32), (found.intercept_ - weight @ mean).astype(np.float32)
