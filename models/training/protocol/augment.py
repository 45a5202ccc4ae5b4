"""Batched augmentation in torch: stain, colour, geometry and the traces of cameras and files."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

# Ruifrok and Johnston's haematoxylin, eosin and DAB optical densities, one stain per row.
STAINS = torch.tensor([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How far an image may be moved; the defaults are those of training."""

    hue: float = 0.6
    """Radians of rotation in the I-Q plane."""
    saturation: tuple[float, float] = (0.4, 1.6)
    gain: float = 0.12
    brightness: float = 0.15
    contrast: float = 0.25
    stain: float = 0.3
    stain_shift: float = 0.05
    grey: float = 0.2
    """Share of images that lose all colour."""
    scale: tuple[float, float] = (0.85, 1.15)
    aspect: float = 0.08
    turn: float = 0.26
    blur: float = 1.4
    """Largest Gaussian sigma, in pixels of 224."""
    noise: float = 0.03
    jpeg: float = 0.15
    """Share of images written to JPEG and read again."""


def _uniform(n: int, low: float, high: float) -> Tensor:
    return torch.rand(n) * (high - low) + low


def _per_pixel(batch: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """An affine map of colour per image: matrix (n, 3, 3), offset (n, 3)."""
    n, channels, height, width = batch.shape
    return torch.baddbmm(offset[:, :, None], matrix, batch.reshape(n, channels, -1)).view(n, 3, height, width)


def restain(batch: Tensor, strength: Strength) -> Tensor:
    """Scales and shifts the haematoxylin, eosin and residual parts of the optical density."""
    n = len(batch)
    factor = 1 + _uniform(n * 3, -strength.stain, strength.stain).view(n, 3)
    shift = _uniform(n * 3, -strength.stain_shift, strength.stain_shift).view(n, 3)
    matrix = STAINS.T @ torch.diag_embed(factor) @ torch.linalg.inv(STAINS.T)
    density = -torch.log(batch.clamp(1 / 255, 1))
    return torch.exp(-_per_pixel(density, matrix, shift @ STAINS)).clamp(0, 1)


def recolour(batch: Tensor, strength: Strength) -> Tensor:
    """Hue, saturation (0 for a share of images), channel gain, contrast and brightness as one map."""
    n = len(batch)
    angle = _uniform(n, -strength.hue, strength.hue)
    amount = _uniform(n, *strength.saturation) * (torch.rand(n) >= strength.grey)
    turn = torch.zeros(n, 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = amount * angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -amount * angle.sin(), amount * angle.sin()
    matrix = torch.linalg.inv(TO_YIQ) @ turn @ TO_YIQ
    coloured = (amount > 0).float()[:, None]
    gain = 1 + _uniform(n * 3, -strength.gain, strength.gain).view(n, 3) * coloured
    contrast = 1 + _uniform(n, -strength.contrast, strength.contrast)
    brightness = 1 + _uniform(n, -strength.brightness, strength.brightness)
    middle = batch.mean(dim=(1, 2, 3))
    matrix = gain[:, :, None] * matrix * (contrast * brightness)[:, None, None]
    offset = (middle * (1 - contrast) * brightness)[:, None].expand(n, 3)
    return _per_pixel(batch, matrix, offset).clamp(0, 1)


def reshape(batch: Tensor, strength: Strength) -> Tensor:
    """Flips, quarter turns, a small rotation, scale and aspect; the edge is mirrored."""
    n = len(batch)
    angle = _uniform(n, -strength.turn, strength.turn) + torch.randint(0, 4, (n,)) * (torch.pi / 2)
    scale = 1 / _uniform(n, *strength.scale)
    stretch = torch.exp(_uniform(n, -strength.aspect, strength.aspect))
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = angle.cos() * scale * stretch * flip, -angle.sin() * scale
    theta[:, 1, 0], theta[:, 1, 1] = angle.sin() * scale * stretch * flip, angle.cos() * scale
    grid = F.affine_grid(theta, list(batch.shape), align_corners=False)
    return F.grid_sample(batch, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def blur(batch: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of a whole batch with one sigma, in pixels."""
    reach = max(1, int(3 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    padded = F.pad(batch, (reach, reach, reach, reach), mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel[:, :, None, :], groups=3), kernel[:, :, :, None], groups=3)


def through_jpeg(image: Tensor, quality: int) -> Tensor:
    """One image (3, h, w) written as JPEG of that quality and read again."""
    pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(held))).permute(2, 0, 1).float() / 255


def wear(batch: Tensor, strength: Strength) -> Tensor:
    """Blur for a quarter, sensor noise for a quarter, JPEG for a share of the images."""
    n = len(batch)
    soft = torch.nonzero(torch.rand(n) < 0.25)[:, 0]
    if len(soft) and strength.blur > 0:
        batch[soft] = blur(batch[soft], float(_uniform(1, 0.3, strength.blur)))
    grainy = torch.nonzero(torch.rand(n) < 0.25)[:, 0]
    if len(grainy):
        level = _uniform(len(grainy), 0, strength.noise)[:, None, None, None]
        batch[grainy] = (batch[grainy] + torch.randn_like(batch[grainy]) * level).clamp(0, 1)
    for index in torch.nonzero(torch.rand(n) < strength.jpeg)[:, 0].tolist():
        batch[index] = through_jpeg(batch[index], int(torch.randint(40, 96, (1,))))
    return batch


def to_network(batch: Tensor) -> Tensor:
    """[0, 1] to the network's [-1, 1]."""
    return batch * 2 - 1
