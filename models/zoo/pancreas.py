"""Four scores of pancreas tissue in haematoxylin and eosin: ResNet18 with one linear layer of four outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.gate import QUALITY_ADVICE, Domain
from models.imaging.resize import squash
from models.scoring.pancreas import ITEMS, KEYS, STEP, TOTAL_MOST, rounded, total
from models.spec import Layer, Measure, Micrograph, ModelSpec, Pixels, Reading, Run, WeightFile
from models.zoo import _eye
from models.zoo._operators import declare_missing_operators

SIDES = (512, 256)
"""The whole image is squashed to the first, then to the second."""
CROP = 224
"""What the network sees of it, from the middle."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
SPREAD = np.array([0.229, 0.224, 0.225], np.float32)


def follow(typed: Mapping[str, float]) -> Reading:
    """What follows from a reader's own four scores: their total. Raises ScoreError."""
    return Reading(outcome="scored", scores={**typed, "total": total(typed)})


SPEC = ModelSpec(
    key="pancreas",
    version="2",
    title="Pancreas H&E scores",
    summary="Scores pancreas tissue in haematoxylin and eosin for architecture, atrophy, complexes and fibrosis, in "
    "steps of 0.25. ResNet18 reads the image, one linear layer gives the four scores.",
    accepts="One microscope field of pancreas tissue in haematoxylin and eosin, at 10× or so, JPEG, PNG, TIFF "
    "(also 16-bit), WebP or BMP.",
    labels=(),
    answer="Scores of the image; not a diagnosis.",
    notice="Research use only, not a diagnosis.",
    preprocessing="Whole image squashed to 512×512, then to 256×256, by area averaging; its middle 224×224 pixels; "
    "ImageNet mean and standard deviation. Outputs times each maximum, clipped, rounded to 0.25; the total is the "
    "sum of the rounded scores.",
    calibrated=False,
    graphs={
        "predict": WeightFile(
            name="pancreas-2.onnx", sha256="2c953c52ed76a7b7be6a20704c1acde23131b0778cb1f69d085150dad4328aff"
        ),
        "eye": _eye.EYE,
        "gate": WeightFile(
            name="pancreas-2.gate.npz", sha256="58d452fd171451686a663d93b54b1993b783a35a45ce34e53a92c929c9a7cd85"
        ),
    },
    licence="Weights for research use; fitted from a random start on images drawn by this project's own code.",
    source="Images drawn by models/training/pancreas/drawn.py",
    training_data="Images drawn by code with known scores. No image with expert scores was available.",
    limits=(
        "Fitted on drawn images: what it says of a real section has been compared with no expert.",
        "Even on drawn images a fifth less light, and worse a picture without colour, make the scores less exact; the "
        "card has the figures.",
        "Whether tissue is pancreas cannot be told: any tissue in haematoxylin and eosin may be scored.",
        "Only the middle of the image is read: a strip of one sixteenth is left out at every side.",
        "Experts score the four together (r ≥ 0.987 in 323 known rows): four numbers may carry little more than one.",
    ),
    measures=(
        *(
            Measure(key=one.key, title=one.title, most=one.most, decimals=2, meaning=one.meaning, step=STEP)
            for one in ITEMS
        ),
        Measure(key="total", title="Total", most=TOTAL_MOST, decimals=2, meaning="The sum of the four scores."),
    ),
    demonstration="Demonstration only: these weights were fitted on drawn images with known scores; no image with "
    "expert scores was available.",
    follow=follow,
    claim="The original claims 2–2.3 s per image on a CPU; it publishes no accuracy.",
)

DOMAIN = Domain(
    kinds=("in-domain", "blood-smear", "wrong-stain", "blur", "not-tissue"),
    advice={
        "in-domain": "The image looks like tissue in haematoxylin and eosin. Which organ it is cannot be told.",
        "blood-smear": "This looks like a blood smear or single cells, not tissue. Choose the system made for it.",
        "wrong-stain": "The colours are not those of haematoxylin and eosin. Choose the system made for this stain.",
        "blur": QUALITY_ADVICE["blur"],
        "not-tissue": "This does not look like tissue in haematoxylin and eosin. Upload a field of a stained section "
        "of the pancreas, or score it by hand.",
    },
    stranger="not-tissue",
)


def prepared(pixels: Pixels) -> Pixels:
    """What the network sees of an image of any size: (224, 224, 3)."""
    field = squash(squash(pixels, SIDES[0]), SIDES[1])
    margin = (SIDES[1] - CROP) // 2
    return field[margin : margin + CROP, margin : margin + CROP]


def views(micrograph: Micrograph) -> tuple[Pixels, ...]:
    """What the gate judges: the same that the network sees."""
    return (prepared(micrograph.pixels),)


def as_input(field: Pixels) -> NDArray[np.float32]:
    """A prepared field to the network's input, (1, 3, 224, 224)."""
    scaled = (field.astype(np.float32) / np.float32(255) - MEAN) / SPREAD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def read(micrograph: Micrograph, run: Run) -> Reading:
    """Quality and domain gate, then the four rounded scores, their total, and where each of them comes from."""
    (field,) = views(micrograph)
    findings = _eye.check((field,), micrograph, run, DOMAIN)
    if findings[0].refuses:
        return Reading(outcome="refused", reason=findings[0].message, findings=findings)
    answer = run("predict", {"image": as_input(field)})
    shares = answer["shares"][0]
    scores = {one.key: rounded(float(share) * one.most, one.most) for one, share in zip(ITEMS, shares, strict=True)}
    return Reading(
        outcome="scored",
        scores={**scores, "total": total(scores)},
        findings=findings,
        layers=tuple(
            Layer(name=name, title=title, kind="heat", values=whole(values))
            for (name, title), values in zip(_LAYERS, answer["heatmaps"][0], strict=True)
        ),
    )


_LAYERS = (
    ("heatmap", "Where the total comes from"),
    *((f"heat-{one.key}", f"Where {one.title.lower()} comes from") for one in ITEMS),
)


def whole(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Heat (7, 7) of the middle as heat (16, 16) of the whole image; what the network did not see stays cold."""
    return np.asarray(np.pad(heat.repeat(2, axis=0).repeat(2, axis=1), 1), np.float32)


def build() -> Any:
    """The torch network: (n, 3, 224, 224), ImageNet-normalised, to shares of the maxima (n, 4), random weights.

    Nothing limits its outputs to 0–1: clipping them is left to whoever makes scores of them.
    """
    import torch
    from torch import Tensor, nn

    declare_missing_operators(torch)
    import timm

    class Network(nn.Module):
        """Trunk to features (n, 512, 7, 7), their mean, one linear layer."""

        def __init__(self) -> None:
            super().__init__()
            self.trunk: Any = timm.create_model("resnet18", num_classes=0, global_pool="")
            self.head = nn.Linear(512, len(KEYS))

        def describe(self, image: Tensor) -> Tensor:
            features: Tensor = self.trunk(image)
            return features

        def forward(self, image: Tensor) -> Tensor:
            shares: Tensor = self.head(self.describe(image).mean(dim=(2, 3)))
            return shares

    return Network()
