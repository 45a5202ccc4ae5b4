"""The iSight network with either encoder, by the names that the published checkpoint uses. Torch only inside."""

from __future__ import annotations

from typing import Any

from models.zoo._isight.words import CELLS, QUESTIONS
from models.zoo._operators import declare_missing_operators

HIDDEN = 256
"""Width of the gated attention."""
COMPACT, LARGE = 576, 1024
"""Widths of the two encoders' tokens."""


def compact_encoder() -> Any:
    """Patches (n, 3, 336, 336) in [0, 1] to the 11×11 positions of MobileNetV3-small, (n, 121, 576)."""
    import torch
    from torch import Tensor, nn

    declare_missing_operators(torch)
    import timm

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk: Any = timm.create_model("tf_mobilenetv3_small_100", num_classes=0)
            del self.trunk.conv_head, self.trunk.norm_head

        def forward(self, patches: Tensor) -> Tensor:
            x: Tensor = self.trunk.bn1(self.trunk.conv_stem(patches * 2 - 1))
            return self.trunk.blocks(x).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]

    return Encoder()


def build_network(encoder: Any, width: int) -> Any:
    """The network around an encoder whose tokens are `width` wide.

    `encode`: patches as bytes (n, 336, 336, 3) to projected tokens (n, tokens, width). `attend`: the tokens of one
    bag to attention (n, tokens), which sums to 1 over the patches at each position, and their mean (1, width).
    `answer`: pooled bags and cell types (b, 39), all zero where it is unknown, to five logits. `answer` leaves the
    temperature out; `probabilities` has it in.
    """
    import torch
    from torch import Tensor
    from torch.nn import functional

    class Network(_parts(torch, encoder, width)):  # type: ignore[misc]
        """What the parts compute together."""

        def attend(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
            attention = self.attention_net(tokens).softmax(dim=0)
            pooled = (attention[..., None] * tokens).sum(dim=0).mean(dim=0, keepdim=True)
            return attention, pooled

        def answer(self, pooled: Tensor, cell: Tensor) -> list[Tensor]:
            known = cell.sum(dim=1, keepdim=True)
            pooled = pooled + self.cell_type_projection(cell) * known
            return [head(pooled) for head in self.classifiers]

        def forward(self, patches: Tensor, counts: list[int], cell: Tensor) -> list[Tensor]:
            """Bags laid one behind the other, `counts` patches each: five logits (b, options)."""
            bags = torch.split(self.encode(patches), counts)
            return self.answer(torch.cat([self.attend(bag)[1] for bag in bags]), cell)

        def read(self, tokens: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
            """One bag: five probabilities (1, options), attention (n, tokens), evidence (n, tokens, 4).

            Evidence is what each position adds to the logits of the intensities, before the bias: the heads are
            linear and the pooling a sum, so it is exact.
            """
            attention, pooled = self.attend(tokens)
            logits = self.answer(pooled, cell)
            scores = [(one / self.temperature[i]).softmax(dim=1) for i, one in enumerate(logits)]
            share = attention / attention.shape[1]
            return (*scores, attention, share[..., None] * functional.linear(tokens, self.classifiers[0].weight))

    return Network()


def _parts(torch: Any, encoder: Any, width: int) -> Any:
    """The class that holds every weight, and encodes."""
    nn = torch.nn

    class Parts(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch_encoder = encoder
            self.visual_token_projection = nn.Linear(width, width)
            self.attention_net = _gated_attention(nn, width)
            self.cell_type_projection = nn.Linear(len(CELLS), width)
            self.classifiers = nn.ModuleList(nn.Linear(width, len(one.options)) for one in QUESTIONS)
            self.register_buffer("temperature", torch.ones(len(QUESTIONS)))

        def encode(self, patches: Any) -> Any:
            pixels = patches.permute(0, 3, 1, 2).float() / 255
            return self.visual_token_projection(self.patch_encoder(pixels))

    return Parts


def _gated_attention(nn: Any, width: int) -> Any:
    """Scores every token."""

    class GatedAttention(nn.Module):
        """Tokens (n, tokens, width) to scores (n, tokens)."""

        def __init__(self) -> None:
            super().__init__()
            self.attention_a = nn.Sequential(nn.Linear(width, HIDDEN), nn.Tanh(), nn.Dropout(0.25))
            self.attention_b = nn.Sequential(nn.Linear(width, HIDDEN), nn.Sigmoid(), nn.Dropout(0.25))
            self.attention_c = nn.Linear(HIDDEN, 1)

        def forward(self, tokens: Any) -> Any:
            return self.attention_c(self.attention_a(tokens) * self.attention_b(tokens))[..., 0]

    return GatedAttention()
