"""Leukemia pattern from a peripheral blood smear: MobileNetV3 for space, an LSTM over its 7×7 positions."""

from __future__ import annotations

from typing import Any

from models.spec import Micrograph, ModelSpec, Reading, Run, WeightFile
from models.zoo._operators import declare_missing_operators
from models.zoo._smear import ANSWER, LABELS, NOTICE, read_smear

SPEC = ModelSpec(
    key="leukemia",
    version="1",
    title="Leukemia stage from a blood smear",
    summary="Compares a peripheral blood smear field with four B-cell precursor patterns and says which it "
    "is most similar to. MobileNetV3 reads the image, an LSTM reads its 7×7 positions row by row.",
    accepts="One whole microscope field of a stained peripheral blood smear (about 20 red cells across), "
    "JPEG, PNG, TIFF, WebP or BMP. No single-cell crops, no tissue.",
    labels=LABELS,
    answer=ANSWER,
    notice=NOTICE,
    preprocessing="Whole image squashed to 224×224 by area averaging; the bottom-right 36×36 pixels "
    "(scale bar) replaced by mid-grey; RGB scaled with mean 0.5 and standard deviation 0.5.",
    calibrated=True,
    graphs={
        "predict": WeightFile(
            name="leukemia-1.onnx", sha256="d8fa11f5c1810795f515bfc6119268a01b4498099f9ef89e2749af589d4ebb7e"
        ),
        "explain": WeightFile(
            name="leukemia-1.gradcam.onnx",
            sha256="0fd87b58991779e67b00a49436d68f2e1e495cf042c1fe4d0bccd05dce89f7aa",
        ),
        "gate": WeightFile(
            name="leukemia-1.gate.npz",
            sha256="02102b27e41515e1c4c5cb02e7441a4ba8cd4d626e4bca3261e1d836f040c560",
        ),
    },
    licence="Weights for research use; the licence of the training images is unverified. ImageNet start: Apache-2.0.",
    source="Aria et al., Taleqani Hospital, DOI 10.34740/KAGGLE/DSV/2175623",
    training_data="Peripheral blood smear fields of one hospital and one microscope, in four classes; "
    "trained and tested on separate blocks of consecutive file numbers. The fit was taken up again twice "
    "(docs/training/leukemia.md).",
    limits=(
        "Trained on one hospital's smears: other stains, cameras and magnifications are refused or unreliable.",
        "89 patients without patient ids: no result here is separated by patient.",
        "The classes are partly told apart by stain and exposure alone; see the colour baseline in the card.",
        "The four classes are maturation patterns. Any other disease, or none, still gets one of these four names.",
    ),
    family="leukemia",
    claim="Accuracy 1.00 on 784 test images, claimed by the hybrid's authors, who made copies of images before they "
    "split them: copies of one image can stand on both sides.",
)

def read(micrograph: Micrograph, run: Run) -> Reading:
    """Quality and domain gate, then calibrated probabilities and the Grad-CAM of the likeliest class."""
    return read_smear(SPEC, micrograph, run)


def build() -> Any:
    """The torch network: (n, 3, 224, 224) in [-1, 1] to logits (n, 4), with random weights."""
    import torch
    from torch import Tensor, nn

    declare_missing_operators(torch)
    import timm

    class Head(nn.Module):
        """Features (n, 576, 7, 7) to logits (n, 4): the positions are read row by row.

        A layer norm keeps the sequence's input in range: a tanh saturated, and Grad-CAM was empty.
        """

        def __init__(self) -> None:
            super().__init__()
            self.narrow = nn.Linear(576, 128)
            self.even = nn.LayerNorm(128)
            self.sequence = nn.LSTM(128, 96, batch_first=True)
            self.drop = nn.Dropout(0.3)
            self.answer = nn.Linear(96, 4)

        def forward(self, features: Tensor) -> Tensor:
            positions = features.flatten(2).transpose(1, 2)
            states, _ = self.sequence(self.drop(self.even(self.narrow(positions))))
            logits: Tensor = self.answer(self.drop(states.mean(dim=1)))
            return logits

    class Network(nn.Module):
        """Trunk, head and the temperature that calibration sets; `describe` also feeds the domain gate."""

        def __init__(self) -> None:
            super().__init__()
            self.trunk: Any = timm.create_model("tf_mobilenetv3_small_100", num_classes=0)
            del self.trunk.conv_head, self.trunk.norm_head
            self.head = Head()
            self.register_buffer("temperature", torch.ones(()))

        def describe(self, image: Tensor) -> tuple[Tensor, Tensor]:
            """Features (n, 576, 7, 7), and the mean and spread of four depths as one embedding (n, 1376)."""
            depths, x = [], self.trunk.bn1(self.trunk.conv_stem(image))
            for index, block in enumerate(self.trunk.blocks):
                x = block(x)
                if index in (1, 2, 3, 5):
                    flat = x.flatten(2)
                    mean = flat.mean(dim=2, keepdim=True)
                    depths += [mean[:, :, 0], (flat - mean).square().mean(dim=2).add(1e-6).sqrt()]
            return x, torch.cat(depths, dim=1)

        def forward(self, image: Tensor) -> Tensor:
            logits: Tensor = self.head(self.describe(image)[0])
            return logits

    return Network()
