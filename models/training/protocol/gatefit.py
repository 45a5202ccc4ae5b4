"""Fits the domain gate on the network's own embedding: what belongs, what else there is, how far is too "
"far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from models.training import outliers
from models.training.augment import Strength
from models.training.outliers import Source
from models.training.served import Served

Floats = NDArray[np.float32]
Fields = NDArray[np.uint8]
Parameters = dict[str, NDArray[Any]]

STRENGTH = Strength(grey=0.3, stain=0.4, stain_shift=0.08, hue=0.75)
"""In-domain images are moved further than in training: the network still reads such copies well."""
WIDTH, AXES, ROUNDS = 64, 64, 12
FITTED = 0.6
"""Share of each source's images that may be fitted on; the rest only tests."""
# Limits of image quality, on luminance 0–255. In-domain images measure: contrast 49 and more, brightness 168
# to 246, sharpness 0.48 and more; a Gaussian blur of 3 pixels of 224 brings sharpness to 0.28–0.56.
QUALITY = {"side": 100, "dark": 40, "bright": 252, "blank": 12, "contrast": 25, "sharpness": 0.36}
ACCEPTED_CLEAN, ACCEPTED_MOVED = 0.997, 0.99
"""Shares of clean and of augmented validation images that the limits must let pass."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Embeddings (n, d) of one out-of-domain source: those to fit on, and those that only test."""

    name: str
    family: str
    kind: int
    fit: Floats
    test: Floats


@dataclass(frozen=True, kw_only=True)
class Inside:
    """Embeddings of in-domain images: training with augmented copies, and validation clean and augmented."""

    train: Floats
    clean: Floats
    moved: Floats


def gather_inside(served: Served, train: Fields, validation: Fields) -> Inside:
    """In-domain embeddings, clean and moved."""
    return Inside(
        train=np.concatenate([served.read(train, "train")[1], served.read_moved(train, 4, STRENGTH, "train")[1]]),
        clean=served.read(validation, "validation")[1],
        moved=served.read_moved(validation, 4, STRENGTH, "validation")[1],
    )


def deal(source: Source, seed: int) -> tuple[list[Pixels], list[Pixels]]:
    """The source's images to fit on, and those that only test."""
    order = np.random.default_rng(seed).permutation(len(source.images))
    cut = int(len(order) * FITTED)
    return [source.images[int(i)] for i in order[:cut]], [source.images[int(i)] for i in order[cut:]]


def gather_real(served: Served, sources: Sequence[Source], seed: int) -> list[Outside]:
    """Real images of other kinds, with crops and light variations of those that are fitted on."""
    rng, found = np.random.default_rng(seed), []
    for source in sources:
        kept, held = deal(source, seed)
        smallest = 0.5 if source.kind == "single-cell" else 0.3
        fit = np.concatenate([outliers.fields_of(kept), outliers.crops(kept, 200, (smallest, 1.0), rng)])
        fit = np.concatenate([fit, outliers.lightly_varied(fit, seed)])
        found.append(_outside(served, source, fit, outliers.fields_of(held)))
        if source.kind == "single-cell":
            laid = Source(name=f"mosaics of {source.name}", family=source.family, kind="wrong-stain", images=())
            found.append(_outside(served, laid, outliers.mosaics(kept, 300, rng), outliers.mosaics(held, 100, rng)))
    return found


def gather_made(served: Served, train: Fields, test: Fields, seed: int) -> list[Outside]:
    """What is made by code or from in-domain fields: of training fields to fit on, of test fields to test."""
    rng = np.random.default_rng(seed)

    def some(fields: Fields, count: int) -> Fields:
        return fields[rng.integers(0, len(fields), count)]

    makers: dict[tuple[str, str], Callable[[Fields, int], Fields]] = {
        ("close-ups of our fields", "single-cell"): lambda f, n: outliers.crops(list(f), n, (0.2, 0.42), rng),
        ("recoloured fields", "wrong-stain"): lambda f, n: outliers.recoloured(some(f, n), rng),
        ("defocused fields", "blur"): lambda f, n: outliers.defocused(some(f, n), rng),
        ("generated", "not-a-smear"): lambda _f, n: outliers.generated(n, rng),
    }
    return [
        _outside(served, Source(name=name, family=name, kind=kind, images=()), make(train, 600), make(test, 150))
        for (name, kind), make in makers.items()
    ]


def _outside(served: Served, source: Source, fit: Fields, test: Fields) -> Outside:
    return Outside(
        name=source.name,
        family=source.family,
        kind=gate.KINDS.index(source.kind),
        fit=served.read(fit, source.name)[1],
        test=served.read(test, source.name)[1],
    )


def fit_gate(inside: Inside, outside: Sequence[Outside], seed: int) -> Parameters:
    """Gate parameters from training embeddings; limits from validation embeddings."""
    mean, scale = inside.train.mean(axis=0), inside.train.std(axis=0) + 1e-3
    parameters: Parameters = {"mean": mean, "scale": scale}
    parameters |= _neighbourhood(np.clip((inside.train - mean) / scale, -6, 6))
    parameters |= _kinds(inside.train, outside, mean, scale, seed)
    parameters = {name: _stored(np.asarray(value)) for name, value in parameters.items()}
    parameters |= {name: np.asarray(value, dtype=np.float32) for name, value in QUALITY.items()}
    return parameters | _limits(parameters, inside)


def _stored(value: NDArray[Any]) -> NDArray[Any]:
    """Matrices as float16, so that the limits are set with the numbers that serving will use."""
    return value.astype(np.float16 if value.ndim == 2 else np.float32)


def _neighbourhood(scaled: Floats) -> Parameters:
    """Principal axes of the training embeddings, for the distance of an image from all of them."""
    centre = scaled.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((scaled - centre).T))
    return {"centre": centre, "axes": vectors[:, -AXES:], "spread": values[-AXES:] + 1e-3}


def _kinds(inside: Floats, outside: Sequence[Outside], mean: Floats, scale: Floats, seed: int) -> Parameters:
    """One hidden layer that tells in-domain images from each kind of other image."""
    torch.manual_seed(seed)
    groups = [(inside, 0, 1.0), *((one.fit, one.kind, 1 / len(outside)) for one in outside)]
    x = np.clip((np.concatenate([some for some, _, _ in groups]) - mean) / scale, -6, 6)
    inputs = torch.from_numpy(x).float()
    labels = torch.cat([torch.full((len(some),), kind) for some, kind, _ in groups])
    weights = torch.cat([torch.full((len(some),), share / len(some)) for some, _, share in groups])
    weights = weights / weights.mean()
    first, last = nn.Linear(x.shape[1], WIDTH), nn.Linear(WIDTH, len(gate.KINDS))
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
    clean, moved = (gate.domain(some, parameters) for some in (inside.clean, inside.moved))
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
    odds, far = gate.domain(embeddings, parameters)
    return (gate.belonging(odds) >= parameters["least_belonging"]) & (far <= parameters["most_distance"])


def leave_one_out(inside: Inside, outside: Sequence[Outside], seed: int) -> dict[str, float]:
    """Refused share of each source by a gate that never saw its family."""
    refused = {}
    for family in dict.fromkeys(one.family for one in outside):
        parameters = fit_gate(inside, [one for one in outside if one.family != family], seed)
        for one in outside:
            if one.family == family:
                unseen = np.concatenate([one.fit, one.test])
                refused[one.name] = float(1 - accepted(parameters, unseen).mean())
    return refused


def save(parameters: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes the artefact that serving loads."""
    np.savez_compressed(path, **parameters)
