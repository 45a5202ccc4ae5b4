"""What the leukemia gate is fitted on: embeddings of smear fields, of other images, and of what code makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.training.leukemia.data import Parts
from models.training.leukemia.served import Served
from models.training.protocol import outliers
from models.training.protocol.augment import Strength
from models.training.protocol.gatefit import Inside, Outside, deal
from models.training.protocol.outliers import Source
from models.zoo._smear import DOMAIN

Fields = NDArray[np.uint8]

FAMILIES = {
    "healthy lymphocytes": "single-cell",
    "PCam": "tissue",
    "H&E": "tissue",
    "IHC": "tissue",
    "HPA": "tissue",
    outliers.PHOTOGRAPHS: "not-a-smear",
}
"""Real images of other kinds, and which kind they are to these systems."""
STRENGTH = Strength(grey=0.3, stain=0.4, stain_shift=0.08, hue=0.75)
"""In-domain images are moved further than in training: the network still reads such copies well."""
# Limits of image quality, on luminance 0–255. In-domain images measure: contrast 49 and more, brightness 168
# to 246, sharpness 0.48 and more; a Gaussian blur of 3 pixels of 224 brings sharpness to 0.28–0.56.
QUALITY = {"side": 100, "dark": 40, "bright": 252, "blank": 12, "contrast": 25, "sharpness": 0.36}


def gather_inside(served: Served, train: Fields, validation: Fields) -> Inside:
    """In-domain embeddings, clean and moved."""
    return Inside(
        train=np.concatenate([served.read(train, "train")[1], served.read_moved(train, 4, STRENGTH, "train")[1]]),
        clean=served.read(validation, "validation")[1],
        moved=served.read_moved(validation, 4, STRENGTH, "validation")[1],
    )


def gather_outside(served: Served, parts: Parts, sources: Sequence[Source], seed: int) -> list[Outside]:
    """Everything that a smear gate must refuse."""
    made = _gather_made(served, parts["train"].fields, parts["test"].fields, seed)
    return [*_gather_real(served, sources, seed), *made]


def _gather_real(served: Served, sources: Sequence[Source], seed: int) -> list[Outside]:
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


def _gather_made(served: Served, train: Fields, test: Fields, seed: int) -> list[Outside]:
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
        kind=DOMAIN.kinds.index(source.kind),
        fit=served.read(fit, source.name)[1],
        test=served.read(test, source.name)[1],
    )
