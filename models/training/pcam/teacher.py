"""What ImageNet features make of the training patches: softer targets than a rule about 32×32 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from models.training.pcam.data import Part
from models.training.protocol.eye import Eyes

FOLDS = 5
FILE = "teacher.npz"
Floats = NDArray[np.float32]


def soft_targets(part: Part, eyes: Eyes, out: Path) -> Floats:
    """Probability of tumour (n,) of each patch by a probe that saw neither it nor any patch of its block.

    Kept in `<out>/teacher.npz`, with a probe that saw all of them, for evaluations and for a fit taken up again.
    """
    if (out / FILE).exists():
        held: Floats = _held(out)["targets"]
        return held
    embedded = eyes.embed(part.pixels)
    groups = [number for _, number in part.blocks]
    targets = np.zeros(len(part.labels), dtype=np.float32)
    for seen, kept in GroupKFold(FOLDS).split(embedded, part.labels, groups):
        weight, bias = _probe(embedded[seen], part.labels[seen])
        targets[kept] = expit(embedded[kept] @ weight + bias)
    weight, bias = _probe(embedded, part.labels)
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / FILE, targets=targets, weight=weight, bias=bias)
    return targets


def answers(pixels: NDArray[np.uint8], eyes: Eyes, out: Path) -> NDArray[np.float64]:
    """Probability of tumour (n,) of patches by the probe that saw the whole training part."""
    probe = _held(out)
    return np.asarray(expit(eyes.embed(pixels) @ probe["weight"] + probe["bias"]))


def _held(out: Path) -> dict[str, Floats]:
    with np.load(out / FILE, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _probe(embedded: Floats, labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
    """Logistic regression as one weight per feature and a bias."""
    scaler = StandardScaler().fit(embedded)
    fitted = LogisticRegression(C=0.003, max_iter=300).fit(scaler.transform(embedded), labels)
    weight = fitted.coef_[0] / scaler.scale_
    return weight, float(fitted.intercept_[0] - scaler.mean_ @ weight)
