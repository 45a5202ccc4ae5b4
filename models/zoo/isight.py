"""iSight with its compact encoder: five answers about immunohistochemistry from a bag of tissue patches."""

from __future__ import annotations

from typing import Any

from models.spec import Micrograph, ModelSpec, Reading, Run, WeightFile
from models.zoo._eye import EYE
from models.zoo._isight.network import COMPACT, build_network, compact_encoder
from models.zoo._isight.read import read_bag
from models.zoo._isight.slide import slide_reader
from models.zoo._isight.words import QUESTIONS

TRAINED = ("intensity", "location", "quantity")

SPEC = ModelSpec(
    key="isight",
    version="2",
    title="IHC staining: five answers (iSight)",
    summary="Says of a brown-stained tissue section how strong the stain is, in which part of the cell and in how "
    "many of the cells. A compact encoder reads every 336×336 patch with tissue, and gated attention weighs them.",
    accepts="A tissue section or tissue microarray core in immunohistochemistry with brown (DAB) stain and blue "
    "counterstain, JPEG, PNG, TIFF, WebP or BMP. No H&E, no smears.",
    labels=(),
    answer="Answers for research only; not a diagnosis.",
    notice="Research use only, not a diagnosis.",
    preprocessing="The image at its own size, in 336×336 patches, white beyond its edge; a patch stays when at least "
    "10 % of it is tissue (darkest channel below 225), at most 100 of them; RGB scaled with mean 0.5 and standard "
    "deviation 0.5.",
    calibrated=True,
    graphs={
        "predict": WeightFile(
            name="isight-2.onnx", sha256="09f66d57d74479d7b89f22decedea1d19fe2920fc198ce91ef24cfea67492282"
        ),
        "encode": WeightFile(
            name="isight-2.encode.onnx", sha256="9d7bb34bda3b4acf4af1dc381f5851bfeb6e9d32b9622faee7cd9c41592ef8be"
        ),
        "gate": WeightFile(
            name="isight-2.gate.npz", sha256="781d11743a9c47c40bc6986e87d42cf47fb61e3bc4cc71804619c4762e871691"
        ),
        "eye": EYE,
    },
    licence="Weights for research use. Canvas images: DeepLIIF sample data, Apache-2.0 with Commons Clause. "
    "ImageNet start: Apache-2.0.",
    source="Nucleus masks and counterstain of DeepLIIF's Ki-67 sample images; the brown stain is drawn.",
    training_data="Generated immunohistochemistry: DAB of known strength drawn into known cells of six real Ki-67 "
    "images whose own DAB was taken away. No image read by a pathologist took part.",
    limits=(
        "Trained on drawn stain only: on real stain its answers were never compared with a pathologist's.",
        "Tissue and malignancy are not trained and are not answered.",
        "The bins of the share cannot tell 1–10 % apart: ER categories, ER Low Positive among them, come from the "
        "ER system (er) only.",
        "The cell type, which the published system may be told, is not asked for and was not trained.",
        "Thumbnails, with nuclei of five pixels and less, are read worse than close views; the card says how much.",
        "A section photographed without colour cannot be read, and is often not refused.",
        "Haematoxylin with DAB only: red chromogens, double stains and fluorescence are refused or unreliable.",
    ),
    questions=QUESTIONS,
    demonstration="Demonstration: these answers were learnt from drawn stain and show that the machinery works. "
    "They are no reading of this patient's tissue.",
    family="isight",
    claim="Original (CLIP ViT-L/14-336): accuracy 85.5 % location, 76.6 % intensity, 75.7 % quantity, "
    "ECE 0.015–0.041, on Human Protein Atlas images (arXiv 2602.04063).",
)


def read(micrograph: Micrograph, run: Run) -> Reading:
    """Gate on up to nine patches, then five answers; tissue and malignancy are None."""
    return read_bag(micrograph, run, TRAINED)


SLIDES = slide_reader(TRAINED, 8)


def build() -> Any:
    """The torch network with the compact encoder, with random weights; see `_isight.network.build_network`."""
    return build_network(compact_encoder(), COMPACT)
