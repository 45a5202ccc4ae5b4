"""Lets a CPU torch import a torchvision whose compiled operators are absent (as in torchvision's CUDA wheel).

`import torchvision`, and with it `import timm`, registers fake kernels for `nms` and `qnms` and stops with
"operator torchvision::nms does not exist" when no compiled library has declared them. Declaring the two
schemas is enough, for no network here uses either. `build()` calls this between importing torch and timm;
torch is handed in, so that listing models imports none of it.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@functools.cache
def declare_missing_operators(torch: Any) -> Any:
    """The library that holds the two schemas, kept for the life of the process; None where none is needed."""
    if _compiled_operators_load(torch):
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
    return library


def _compiled_operators_load(torch: Any) -> bool:
    """Whether torchvision's own library is there and can be loaded beside this torch."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return False
    names = [f"_C{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
    library = next((path for name in names if (path := Path(found.origin).with_name(name)).exists()), None)
    if library is None:
        return False
    try:
        torch.ops.load_library(str(library))
    except OSError:
        return False
    return hasattr(torch.ops.torchvision, "nms")
