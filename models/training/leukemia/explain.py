"""Grad-CAM as a graph without autograd, for every hybrid of features and a head."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx


class Reader(nn.Module):
    """What the "predict" graph computes: probabilities, features, embedding.

    The embedding is that of `eye` where one is given: a gate that was fitted on another network goes on seeing by it.
    """

    def __init__(self, network: Any, eye: Any | None = None) -> None:
        super().__init__()
        self.network, self.eye = network, eye

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features, embedding = self.network.describe(image)
        if self.eye is not None:
            embedding = self.eye.describe(image)[1]
        logits = self.network.head(features) / self.network.temperature
        return torch.softmax(logits, dim=1), features, embedding


def grad_cam(head: Any, features: Tensor, chosen: Tensor) -> Tensor:
    """Grad-CAM (rows, columns) in [0, 1] of the logit that `chosen` (1, 4) marks, with respect to the features."""
    (slope,) = torch.autograd.grad((head(features) * chosen).sum(), features)
    weighted = (slope.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)[0].relu()
    return weighted / weighted.amax(dim=(0, 1)).clamp(min=1e-12)


def traced_grad_cam(head: Any, features: Tensor) -> nn.Module:
    """The same for features of that shape; mkldnn is off so that an LSTM or GRU is traced step by step."""

    def compute(features: Tensor, chosen: Tensor) -> Tensor:
        return grad_cam(head, features.requires_grad_(), chosen).detach()

    head = copy.deepcopy(head).eval().requires_grad_(False)
    with torch.backends.mkldnn.flags(enabled=False):
        return make_fx(compute)(torch.randn_like(features), torch.eye(4)[:1])
