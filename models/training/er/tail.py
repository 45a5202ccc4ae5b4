"""The end of stage 1 that is taught, and what it is given: nothing before it changes, so a tile is seen once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

LAST_BLOCK = "x_0_4"


def tail_of(network: Any) -> nn.Sequential:
    """The decoder's last block, of half the image's size (n, 16, 128, 128), and the head: to logits (n, 5, 256, 256).

    They are the network's own: what they learn, it has learnt.
    """
    return nn.Sequential(network.segmenter.decoder.blocks[LAST_BLOCK], network.segmenter.segmentation_head)


@torch.no_grad()
def given_of(network: Any, images: Tensor) -> Tensor:
    """What the tail is given of images (n, 3, 256, 256): (n, 16, 128, 128), in half precision."""
    caught: list[Tensor] = []
    block = network.segmenter.decoder.blocks[LAST_BLOCK]
    hook = block.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    network.eval()(images)
    hook.remove()
    return caught[0].half()
