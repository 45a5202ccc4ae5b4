"""Lets a CPU torch import a torchvision whose compiled operators are absent (as in torchvision's CUDA wheel).

`import torchvision`, and with it `import timm`, registers fake kernels for `nms` and `qnms` and stops with
"operator torchvision::nms does not exist" when no compiled library has declared them. Declaring the two
schemas is enough: training uses neither. Import this module before timm.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _compiled_operators_load() -> bool:
    """Whether torchvision's own library is there and can be loaded beside this torch."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return False
    folder = Path(found.origin).parent
    names = [f"_C{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
    library = next((folder / name for name in names if (folder / name).exists()), None)
    if library is None:
        return False
    try:
        torch.ops.load_library(str(library))
    except OSError:
        return False
    return hasattr(torch.ops.torchvision, "nms")


def declare_missing() -> torch.library.Library | None:
    """The library that holds the two schemas, or None where the compiled operators serve."""
    if _compiled_operators_load():
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
    return library


DECLARED = declare_missing()
"""Kept for the life of the process: the schemas go when this object does."""
