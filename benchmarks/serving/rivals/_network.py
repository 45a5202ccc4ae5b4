"""What every rival shares: the portal's network in torch, and one picture through it."""

from __future__ import annotations

import torch
from PIL import Image

from models.zoo._operators import declare_missing_operators
from models.zoo.leukemia import build

declare_missing_operators(torch)

# isort: split
from torchvision import transforms  # noqa: E402  (a CPU torch lacks its operators until they are declared)

LABELS = ("Benign", "Early", "Pre", "Pro")

network = build().eval()
prepare = transforms.Compose([
    transforms.Resize((224, 224)),
    transforms.ToTensor(),
    transforms.Normalize([0.5] * 3, [0.5] * 3),
])


def classify(image: Image.Image) -> dict[str, float]:
    """One probability per label. The weights are random: they cost the same time as trained ones."""
    batch = prepare(image.convert("RGB"))[None]
    with torch.inference_mode():
        scores = torch.softmax(network(batch), dim=1)[0]
    return dict(zip(LABELS, scores.tolist(), strict=True))
