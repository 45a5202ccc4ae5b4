"""How fast each part of a served network is taught on: in steps of its own size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

LEAST = 1e-6
"""Rate below which none is set: a weight of zeros has to move too."""


def relative(named: Iterable[tuple[str, nn.Parameter]], taught: tuple[str, ...], share: float) -> list[dict[str, Any]]:
    """Parameter groups for Adam of those that begin with `taught`: the rate of each is `share` of its root mean square.
    All others are frozen.

    A stored network has its batch norm inside the convolutions, which then differ in size a thousandfold, and Adam's
    step is as large as its rate whatever the gradient: at one rate for all, the first step can be many times a weight.
    """
    groups = []
    for name, parameter in named:
        parameter.requires_grad_(name.startswith(taught))
        if parameter.requires_grad:
            size = float(parameter.detach().square().mean().sqrt())
            groups.append({"params": [parameter], "lr": max(share * size, LEAST)})
    return groups
