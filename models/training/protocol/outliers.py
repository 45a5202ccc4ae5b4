"""Images of every kind that a gate may meet: real ones by family, and ones made by code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from tqdm import tqdm

from models.imaging.resize import squash
from models.spec import Pixels
from models.training.protocol.augment import TO_YIQ
from models.training.protocol.splits import decode

Fields = NDArray[np.uint8]
SIDE = 224

PATTERNS = {
    "healthy lymphocytes": ("out_of_domain/healthy_lymphocytes/*.jpg",),
    "smears": ("leukemia/*/*.jpg",),
    "PCam": ("pcam/images/*.webp",),
    "H&E": ("he/nct_crc/*.tif", "he/lc25000/*.jpeg", "he/pancreas/*.png"),
    "IHC": ("ihc/*.png", "ihc/deepliif_ki67/*.png", "ihc/endonuke_er_pr/*.png"),
    "HPA": ("hpa/hpa_core_*.png",),
    "HPA units": ("hpa/hpa_ftu_?.png",),
}
"""Files of each family of real images below the datasets folder; masks are left out."""
PHOTOGRAPHS = "photographs"
MOST = 250


@dataclass(frozen=True, kw_only=True)
class Source:
    """Out-of-domain images of one origin. Sources of one family leave the fit together."""

    name: str
    family: str
    kind: str
    images: tuple[Pixels, ...]


def real_sources(folder: Path, kinds: Mapping[str, str]) -> list[Source]:
    """The families that `kinds` names, each as the kind it is to that system; at most MOST images of one."""
    return [
        Source(name=family, family=family, kind=kind, images=family_images(folder, family))
        for family, kind in kinds.items()
    ]


def family_images(folder: Path, family: str) -> tuple[Pixels, ...]:
    """Real images of one family of PATTERNS, or the photographs of installed packages."""
    if family == PHOTOGRAPHS:
        return photographs()
    return tuple(decode(path) for path in tqdm(family_paths(folder, family), desc=family, leave=False))


def family_paths(folder: Path, family: str) -> list[Path]:
    """The files of one family of PATTERNS, in an order of their own, at most MOST."""
    paths = [path for pattern in PATTERNS[family] for path in sorted(folder.glob(pattern)) if "mask" not in path.name]
    return sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).digest())[:MOST]


def photographs() -> tuple[Pixels, ...]:
    """Every picture that scikit-image, scikit-learn and matplotlib bring along, but for microscopy."""
    left_out = ("ihc", "cell", "smear", "mitosis", "hubble")
    folders = [("skimage", "data"), ("sklearn", "datasets/images"), ("matplotlib", "mpl-data/sample_data")]
    found = []
    for package, below in folders:
        for path in sorted(Path(str(resources.files(package))).joinpath(below).iterdir()):
            picture = path.suffix.lower() in (".png", ".jpg", ".jpeg")
            if picture and not any(word in path.name for word in left_out):
                found.append(decode(path))
    return tuple(found)


def crops(images: Sequence[Pixels], count: int, share: tuple[float, float], rng: np.random.Generator) -> Fields:
    """`count` random crops (224, 224) whose sides are that share of the image's."""
    made = []
    for _ in range(count):
        image = images[int(rng.integers(len(images)))]
        size = [max(16, int(side * rng.uniform(*share))) for side in image.shape[:2]]
        top, left = (int(rng.integers(0, side - part + 1)) for side, part in zip(image.shape[:2], size, strict=True))
        piece = image[top : top + size[0], left : left + size[1]]
        made.append(np.asarray(Image.fromarray(piece).resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
    return np.stack(made)


def mosaics(images: Sequence[Pixels], count: int, rng: np.random.Generator) -> Fields:
    """Fields of another laboratory, laid out of 2×2 to 5×5 single-cell crops at the scale of our fields."""
    made = []
    for _ in range(count):
        n = int(rng.integers(2, 6))
        tile = -(-SIDE // n)
        whole = np.zeros((n * tile, n * tile, 3), dtype=np.uint8)
        for row in range(n):
            for column in range(n):
                image = Image.fromarray(images[int(rng.integers(len(images)))]).resize(
                    (tile, tile), Image.Resampling.BOX
                )
                turned = np.rot90(np.asarray(image), int(rng.integers(4)))
                whole[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile] = turned
        made.append(whole[:SIDE, :SIDE])
    return np.stack(made)


def recoloured(fields: Fields, rng: np.random.Generator) -> Fields:
    """In-domain fields with their hue turned by 80 to 280 degrees, colours strong, a quarter inverted."""
    made = []
    to_yiq = TO_YIQ.numpy()
    for field in fields:
        angle, amount = rng.uniform(1.4, 4.9), rng.uniform(1.0, 2.0)
        cos, sin = amount * np.cos(angle), amount * np.sin(angle)
        turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        coloured = field / 255.0 @ (np.linalg.inv(to_yiq) @ turn @ to_yiq).T
        coloured = 1 - coloured if rng.random() < 0.25 else coloured
        made.append((coloured.clip(0, 1) * 255).astype(np.uint8))
    return np.stack(made)


def defocused(fields: Fields, rng: np.random.Generator) -> Fields:
    """In-domain fields far out of focus."""
    blurs = [ImageFilter.GaussianBlur(float(rng.uniform(3.5, 9))) for _ in fields]
    return np.stack([np.asarray(Image.fromarray(f).filter(b)) for f, b in zip(fields, blurs, strict=True)])


def _noise(rng: np.random.Generator) -> Fields:
    grain = int(rng.integers(1, 40))
    small = rng.integers(0, 256, (-(-SIDE // grain), -(-SIDE // grain), 3), dtype=np.uint8)
    method = Image.Resampling.BICUBIC if rng.random() < 0.5 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(small).resize((SIDE, SIDE), method))


def _gradient(rng: np.random.Generator) -> Fields:
    ends = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(ends).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _page(rng: np.random.Generator) -> Fields:
    """A screenshot: a bar, boxes and lines of text."""
    paper = tuple(int(v) for v in rng.integers(200, 256, 3))
    image = Image.new("RGB", (SIDE * 2, SIDE * 2), paper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, SIDE * 2, int(rng.integers(10, 60))), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    for _ in range(int(rng.integers(5, 40))):
        x, y = (int(v) for v in rng.integers(0, SIDE * 2, 2))
        words = "".join(rng.choice(list("abcdefghij klmno prstuv 0123"), int(rng.integers(4, 60))))
        draw.text((x, y), words, fill=tuple(int(v) for v in rng.integers(0, 120, 3)))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))


def _shapes(rng: np.random.Generator) -> Fields:
    image = Image.new("RGB", (SIDE, SIDE), tuple(int(v) for v in rng.integers(0, 256, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 14))):
        corners = [tuple(int(v) for v in rng.integers(-20, SIDE + 20, 2)) for _ in range(int(rng.integers(3, 6)))]
        draw.polygon(corners, fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.5)))))


def _stripes(rng: np.random.Generator) -> Fields:
    across = np.arange(SIDE)[None, :] * rng.uniform(-1, 1) + np.arange(SIDE)[:, None] * rng.uniform(-1, 1)
    wave = np.sin(across * rng.uniform(0.05, 1.2))[..., None] * rng.uniform(20, 120, 3) + rng.uniform(60, 200, 3)
    return wave.clip(0, 255).astype(np.uint8)


GENERATORS: tuple[Callable[[np.random.Generator], Fields], ...] = (
    _noise,
    _gradient,
    _page,
    _shapes,
    _stripes,
)


def generated(count: int, rng: np.random.Generator) -> Fields:
    """Noise, gradients, screenshots, shapes and stripes, in turn."""
    return np.stack([GENERATORS[i % len(GENERATORS)](rng) for i in range(count)])


def fields_of(images: Sequence[Pixels]) -> Fields:
    """Images of any size as the network sees them."""
    return np.stack([squash(image, SIDE) for image in images])


def lightly_varied(fields: Fields, seed: int) -> Fields:
    """Quarter turns, and a little brightness, contrast or greyness: kinds must not be told apart by these."""
    rng = np.random.default_rng(seed)
    batch = torch.from_numpy(fields).float() / 255
    n = len(batch)
    gain = torch.from_numpy(rng.uniform(0.8, 1.2, (n, 1, 1, 3)).astype(np.float32))
    grey = torch.from_numpy((rng.random((n, 1, 1, 1)) < 0.2).astype(np.float32))
    batch = grey * batch.mean(dim=3, keepdim=True) + (1 - grey) * (batch * gain).clamp(0, 1)
    turned = torch.rot90(batch, int(rng.integers(4)), (1, 2))
    return (turned * 255).to(torch.uint8).numpy()
