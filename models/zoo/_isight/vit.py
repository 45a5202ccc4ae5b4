"""The vision tower of CLIP ViT-L/14-336 as a plain torch module, by the names of its published weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large a vision tower is; the defaults are those of the published one."""

    width: int = 1024
    layers: int = 24
    heads: int = 16
    inner: int = 4096
    """Width inside the perceptron of a layer."""
    stride: int = 14
    side: int = 336

    @property
    def tokens(self) -> int:
        """Positions and the class token in front of them."""
        return (self.side // self.stride) ** 2 + 1


PUBLISHED = Shape()


def vision_encoder(shape: Shape = PUBLISHED) -> Any:
    """Patches (n, 3, side, side) in [0, 1] to all tokens of the last layer (n, tokens, width), with random weights.

    The last layer's own tokens: the published system leaves CLIP's closing layer norm out.
    """
    import torch
    from torch import Tensor, nn

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vision_model = _tower(torch, shape)

        def forward(self, patches: Tensor) -> Tensor:
            # Made here and not kept: they are no weights, and a checkpoint does not bring them.
            mean, spread = (patches.new_tensor(one).view(1, 3, 1, 1) for one in (MEAN, SPREAD))
            return self.vision_model((patches - mean) / spread)  # type: ignore[no-any-return]

    return Encoder()


def _tower(torch: Any, shape: Shape) -> Any:
    """Embeddings, a norm, and the layers one behind the other."""
    nn = torch.nn

    class Stack(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(_layer(torch, shape) for _ in range(shape.layers))

    class Tower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embeddings, self.encoder = _embeddings(torch, shape), Stack()
            # The published weights spell it so.
            self.pre_layrnorm = nn.LayerNorm(shape.width)

        def forward(self, pixels: Any) -> Any:
            x = self.pre_layrnorm(self.embeddings(pixels))
            for layer in self.encoder.layers:
                x = layer(x)
            return x

    return Tower()


def _embeddings(torch: Any, shape: Shape) -> Any:
    """A token in front, one for each position, and where each stands."""
    nn = torch.nn

    class Embeddings(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.class_embedding = nn.Parameter(torch.randn(shape.width) * 0.02)
            self.patch_embedding = nn.Conv2d(3, shape.width, shape.stride, stride=shape.stride, bias=False)
            self.position_embedding = nn.Embedding(shape.tokens, shape.width)

        def forward(self, pixels: Any) -> Any:
            positions = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
            first = self.class_embedding.expand(pixels.shape[0], 1, -1)
            return torch.cat([first, positions], dim=1) + self.position_embedding.weight

    return Embeddings()


def _layer(torch: Any, shape: Shape) -> Any:
    """One transformer layer."""
    nn = torch.nn

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.self_attn, self.mlp = _attention(torch, shape), _perceptron(torch, shape)
            self.layer_norm1, self.layer_norm2 = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)

        def forward(self, x: Any) -> Any:
            x = x + self.self_attn(self.layer_norm1(x))
            return x + self.mlp(self.layer_norm2(x))

    return Layer()


def _attention(torch: Any, shape: Shape) -> Any:
    """Self-attention with several heads."""
    nn = torch.nn

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
                nn.Linear(shape.width, shape.width) for _ in range(4)
            )

        def forward(self, x: Any) -> Any:
            n, length, width = x.shape
            each = width // shape.heads
            query, key, value = (
                project(x).view(n, length, shape.heads, each).transpose(1, 2)
                for project in (self.q_proj, self.k_proj, self.v_proj)
            )
            scores = (query * each**-0.5) @ key.transpose(2, 3)
            mixed = (scores.softmax(dim=3) @ value).transpose(1, 2).reshape(n, length, width)
            return self.out_proj(mixed)

    return Attention()


def _perceptron(torch: Any, shape: Shape) -> Any:
    """Two linear layers with the sigmoid’s approximation of GELU between."""
    nn = torch.nn

    class Perceptron(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(shape.width, shape.inner)
            self.fc2 = nn.Linear(shape.inner, shape.width)

        def forward(self, x: Any) -> Any:
            x = self.fc1(x)
            return self.fc2(x * torch.sigmoid(1.702 * x))

    return Perceptron()
