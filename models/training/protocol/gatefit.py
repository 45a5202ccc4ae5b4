"""Fits a domain gate on embeddings: what belongs, what else there is, and how far is too far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from models import gate
from models.spec import Pixels
from models.training.protocol.outliers import Source

Floats = NDArray[np.float32]
Parameters = dict[str, NDArray[Any]]

WIDTH, AXES, ROUNDS = 64, 64, 12
FITTED = 0.6
"""Share of each source's images that may be fitted on; the rest only tests."""
ACCEPTED_CLEAN, ACCEPTED_MOVED = 0.997, 0.99
"""Shares of clean and of augmented validation images that the limits must let pass."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Embeddings (n, d) of one out-of-domain source: those to fit on, and those that only test."""

    name: str
    family: str
    kind: int
    """Index into the system's `Domain.kinds`."""
    fit: Floats
    test: Floats


@dataclass(frozen=True, kw_only=True)
class Inside:
    """Embeddings of in-domain images: training with augmented copies, and validation clean and augmented."""

    train: Floats
    clean: Floats
    moved: Floats


def deal(source: Source, seed: int) -> tuple[list[Pixels], list[Pixels]]:
    """The source's images to fit on, and those that only test."""
    order = np.random.default_rng(seed).permutation(len(source.images))
    cut = int(len(order) * FITTED)
    return [source.images[int(i)] for i in order[:cut]], [source.images[int(i)] for i in order[cut:]]


def fit_gate(
    inside: Inside, outside: Sequence[Outside], quality: Mapping[str, float], kinds: int, seed: int
) -> Parameters:
    """Gate parameters from training embeddings; limits from validation embeddings.

    `quality` holds the limits side, dark, bright, blank, contrast and sharpness that `gate.check_quality` reads.
    """
    mean, scale = inside.train.mean(axis=0), inside.train.std(axis=0) + 1e-3
    parameters: Parameters = {"mean": mean, "scale": scale}
    parameters |= _neighbourhood(np.clip((inside.train - mean) / scale, -6, 6))
    parameters |= _kinds(inside.train, outside, (mean, scale), kinds, seed)
    parameters = {name: _stored(np.asarray(value)) for name, value in parameters.items()}
    parameters |= {name: np.asarray(value, dtype=np.float32) for name, value in quality.items()}
    return parameters | _limits(parameters, inside)


def _stored(value: NDArray[Any]) -> NDArray[Any]:
    """Matrices as float16, so that the limits are set with the numbers that serving will use."""
    return value.astype(np.float16 if value.ndim == 2 else np.float32)


def _neighbourhood(scaled: Floats) -> Parameters:
    """Principal axes of the training embeddings, for the distance of an image from all of them."""
    centre = scaled.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((scaled - centre).T))
    return {"centre": centre, "axes": vectors[:, -AXES:], "spread": values[-AXES:] + 1e-3}


def _kinds(
    inside: Floats, outside: Sequence[Outside], norm: tuple[Floats, Floats], kinds: int, seed: int
) -> Parameters:
    """One hidden layer that tells in-domain images from each kind of other image."""
    torch.manual_seed(seed)
    groups = [(inside, 0, 1.0), *((one.fit, one.kind, 1 / len(outside)) for one in outside)]
    x = np.clip((np.concatenate([some for some, _, _ in groups]) - norm[0]) / norm[1], -6, 6)
    inputs = torch.from_numpy(x).float()
    labels = torch.cat([torch.full((len(some),), kind) for some, kind, _ in groups])
    weights = torch.cat([torch.full((len(some),), share / len(some)) for some, _, share in groups])
    weights = weights / weights.mean()
    first, last = nn.Linear(x.shape[1], WIDTH), nn.Linear(WIDTH, kinds)
    layers = nn.Sequential(nn.Dropout(0.2), first, nn.ReLU(), last)
    optimiser = torch.optim.AdamW(layers.parameters(), lr=1e-3, weight_decay=0.1)
    for _ in range(ROUNDS):
        for chosen in torch.randperm(len(inputs)).split(128):
            loss = F.cross_entropy(layers(inputs[chosen]), labels[chosen], reduction="none", label_smoothing=0.02)
            optimiser.zero_grad()
            (loss * weights[chosen]).mean().backward()
            optimiser.step()
    return {
        "hidden_weight": first.weight.detach().numpy().T,
        "hidden_bias": first.bias.detach().numpy(),
        "kind_weight": last.weight.detach().numpy().T,
        "kind_bias": last.bias.detach().numpy(),
    }


def _limits(parameters: Mapping[str, NDArray[Any]], inside: Inside) -> Parameters:
    """The limits that let the wanted shares of validation images pass."""
    clean, moved = (gate.judge(some, parameters) for some in (inside.clean, inside.moved))
    least = min(
        np.quantile(gate.belonging(clean[0]), 1 - ACCEPTED_CLEAN),
        np.quantile(gate.belonging(moved[0]), 1 - ACCEPTED_MOVED),
    )
    most = max(clean[1].max(), np.quantile(moved[1], 0.998)) * 1.05
    return {
        "least_belonging": np.asarray(min(least, 2.0), dtype=np.float32),
        "most_distance": np.asarray(most, dtype=np.float32),
    }


def accepted(parameters: Mapping[str, NDArray[Any]], embeddings: Floats) -> NDArray[np.bool_]:
    """Which embeddings (n, d) the domain part of the gate lets pass."""
    odds, far = gate.judge(embeddings, parameters)
    return (gate.belonging(odds) >= parameters["least_belonging"]) & (far <= parameters["most_distance"])


def leave_one_out(
    inside: Inside, outside: Sequence[Outside], quality: Mapping[str, float], kinds: int, seed: int
) -> dict[str, float]:
    """Refused share of each source by a gate that never saw its family."""
    refused = {}
    for family in dict.fromkeys(one.family for one in outside):
        others = [one for one in outside if one.family != family]
        parameters = fit_gate(inside, others, quality, kinds, seed)
        for one in outside:
            if one.family == family:
                unseen = np.concatenate([one.fit, one.test])
                refused[one.name] = float(1 - accepted(parameters, unseen).mean())
    return refused


def save(parameters: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes the artefact that serving loads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **parameters)
