"""What the PCam gate is fitted on: H&E tissue at 0.97 µm per pixel, of whatever organ, against all else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from models.spec import Micrograph, Pixels
from models.training.pcam.data import Part
from models.training.protocol import outliers
from models.training.protocol.gatefit import deal
from models.training.protocol.outliers import Source
from models.training.protocol.plan import Plan
from models.training.protocol.splits import Role, decode, spread
from models.training.protocol.tissue_gate import Belonging
from models.zoo._pcam.network import SIDE
from models.zoo._pcam.rules import LEAST_SATURATION, UM_PER_PX
from models.zoo._tiles import Tiling, has_tissue
from models.zoo.pcam import gate_views

FAMILIES = {
    "healthy lymphocytes": "smear",
    "smears": "smear",
    "IHC": "immunostain",
    "HPA": "immunostain",
    "HPA units": "immunostain",
    outliers.PHOTOGRAPHS: "not-tissue",
}
"""Real images of other kinds. H&E of other organs is no other kind: this gate cannot tell a lymph node."""
PATCHES: dict[Role, int] = {"train": 450, "validation": 150}
SLIDE, SLIDE_UM = "wsi/cmu-1-small-region.svs", 0.499
SMALL = (
    ("NCT-CRC, colon, 0.5 µm", "he/nct_crc/*.tif", 0.5),
    ("LC25000, lung and colon, taken for 0.5 µm", "he/lc25000/*.jpeg", 0.5),
)
TURNS: tuple[Role, ...] = ("train", "test", "train", "validation")
OUTSIDE_UM = 0.5
"""Pixel size that images of other kinds are read at; most carry none."""
IMMUNOSTAIN_UM = (0.4, 0.97)


@dataclass(frozen=True, kw_only=True)
class Section:
    """An image of H&E tissue from elsewhere, and its pixel size in µm: known, or taken for that."""

    name: str
    image: Micrograph
    most: int = 8
    """Tiles that are taken from it, at most."""

    @property
    def size(self) -> float:
        """By what serving multiplies its sides."""
        return (self.image.um_per_px or UM_PER_PX) / UM_PER_PX

    def tiles(self) -> list[Pixels]:
        """Tiles with tissue, evenly chosen, as serving cuts them."""
        tiling = Tiling(pixels=self.image.pixels, factor=self.size, side=SIDE)
        found = [tile for _, tile in tiling if has_tissue(tile, LEAST_SATURATION)]
        return [found[i] for i in spread(len(found), self.most)]


def sections(folder: Path) -> dict[Role, list[Section]]:
    """H&E of other organs: three parts of one slide, and two sets of small images, each dealt to all roles."""
    with Image.open(folder / SLIDE) as slide:
        whole = np.asarray(slide.convert("RGB"))
    first, second = int(whole.shape[0] * 0.6), int(whole.shape[0] * 0.8)
    parts: dict[Role, Pixels] = {"train": whole[:first], "validation": whole[first:second], "test": whole[second:]}
    found: dict[Role, list[Section]] = {
        role: [Section(name="a slide of another organ", image=Micrograph(pixels=held, um_per_px=SLIDE_UM), most=80)]
        for role, held in parts.items()
    }
    for name, pattern, um_per_px in SMALL:
        for index, path in enumerate(sorted(folder.glob(pattern))):
            role = TURNS[index % len(TURNS)]
            found[role].append(Section(name=name, image=Micrograph(pixels=decode(path), um_per_px=um_per_px)))
    return found


def belonging(plan: Plan, parts: Mapping[Role, Part]) -> Belonging:
    """What is in-domain and what else the gate is shown."""
    other = sections(plan.data)
    return Belonging(
        train=_inside(parts["train"], other["train"], "train"),
        validation=_inside(parts["validation"], other["validation"], "validation"),
        kinds=FAMILIES,
        blur="blur",
        nothing="not-tissue",
        view=gate_views,
        um_per_px=OUTSIDE_UM,
        extra=_immunostain_tiles(plan),
    )


def _immunostain_tiles(plan: Plan) -> list[Source]:
    """Every tile of the immunostains that the gate is fitted on, at several pixel sizes; the others stay unseen.

    Without brown they are the nearest to H&E, and one view of each of twenty images taught too little.
    """
    kinds = {family: kind for family, kind in FAMILIES.items() if kind == "immunostain"}
    found = []
    for source in outliers.real_sources(plan.data, kinds):
        images = deal(source, plan.seed)[0]
        shown = [Section(name=source.name, image=Micrograph(pixels=one, um_per_px=size))
                 for one in images for size in IMMUNOSTAIN_UM]
        tiles = [tile for section in shown if min(section.image.pixels.shape[:2]) * section.size >= SIDE
                 for tile in section.tiles()]
        found.append(replace(source, name=f"{source.name}, tiles of those fitted on", images=tuple(tiles)))
    return found


def _inside(part: Part, other: Sequence[Section], role: Role) -> list[Pixels]:
    patches = [part.pixels[i] for i in spread(len(part.labels), PATCHES[role])]
    return patches + [tile for section in other for tile in section.tiles()]
