"""One real image of the datasets per system: what it is read with when its cost is measured."""

from __future__ import annotations

from pathlib import Path

PICTURES = {
    "leukemia": "leukemia/Early/*.jpg",
    "pcam": "pcam/images/*.webp",
    "er": "ihc/deepliif_ki67/22_2.png",
    "pancreas": "he/pancreas/*.png",
    "isight": "hpa/hpa_core_*.png",
}


def picture_of(key: str, folder: Path) -> tuple[Path, float | None]:
    """The file that a system is read with, and its pixel size where the system asks for one."""
    return sorted(folder.glob(PICTURES[key]))[0], None
