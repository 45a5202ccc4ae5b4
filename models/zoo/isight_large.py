"""iSight with its published encoder, CLIP ViT-L/14-336: for whoever has the checkpoint, and time.

Its files are no part of the project: `python -m models.training.isight.convert` makes them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.spec import Micrograph, ModelSpec, Reading, Run
from models.zoo import isight
from models.zoo._isight.network import build_network
from models.zoo._isight.read import read_bag
from models.zoo._isight.slide import slide_reader
from models.zoo._isight.vit import PUBLISHED, vision_encoder
from models.zoo._isight.words import QUESTIONS

SPEC: ModelSpec = replace(
    isight.SPEC,
    key="isight-large",
    title="IHC staining: five answers (iSight, large encoder)",
    summary="The published iSight: CLIP ViT-L/14-336 reads every 336×336 patch with tissue, and gated attention "
    "weighs them. A patch takes seconds and a whole core minutes: run it from the command line.",
    preprocessing="The image at its own size, in 336×336 patches, white beyond its edge; a patch stays when at least "
    "10 % of it is tissue (darkest channel below 225), at most 100 of them; RGB scaled as for CLIP.",
    calibrated=False,
    graphs={},
    installs=("predict", "encode", "gate", "eye"),
    obtain="Convert the published checkpoint (python -m models.training.isight.convert CHECKPOINT)",
    licence="The licence of the checkpoint that was converted.",
    source="Checkpoint of arXiv 2602.04063, converted; not checked against its authors' own program here.",
    training_data="Human Protein Atlas images with their pathologists' labels, as the checkpoint's authors tell.",
    limits=(
        "Nothing was measured here with the published weights: they are no part of this project.",
        "The cell type, which the published system was told, is not asked for; nothing is added in its place.",
        "The bins of the share cannot tell 1–10 % apart: ER categories, ER Low Positive among them, come from the "
        "ER system (er) only.",
        "The gate is that of the compact version: it knows immunohistochemistry, not what this network was fitted on.",
    ),
    demonstration="",
)


TRAINED = tuple(one.key for one in QUESTIONS)
SLIDES = slide_reader(TRAINED, 1)


def read(micrograph: Micrograph, run: Run) -> Reading:
    """As the compact version, with all five heads."""
    return read_bag(micrograph, run, TRAINED)


def build() -> Any:
    """The torch network of the published shape, 305 million parameters, with random weights."""
    return build_network(vision_encoder(), PUBLISHED.width)
