"""Weights once, in the ONNX file alone: rounded so that they are small there, and read back into the network.

A second file of the same weights would double what is published and could differ from what is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

HALF, BYTE, SCALE = ".half", ".int8", ".scale"
"""Ends of the names of stored weights; without them, what the network calls its weight."""
LEAST = 4096
"""Values from which a convolution's weight is stored in bytes."""


def is_large(module: nn.Module) -> bool:
    """Whether the weight of a module is one that `store_bytes` stores as int8."""
    return isinstance(module, nn.Conv2d) and module.weight.numel() >= LEAST


@torch.no_grad()
def round_to_bytes(network: nn.Module) -> None:
    """Rounds each large convolution, in place, to 255 levels per output channel: what is evaluated is stored."""
    for module in network.modules():
        if is_large(module):
            levels, scale = _levels(module.weight.numpy())
            module.weight.copy_(torch.from_numpy(levels.astype(np.float32) * scale))


def _levels(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers from -127 to 127 of the weight's shape, and the size of one level per output channel."""
    peak = np.abs(weight).max(axis=tuple(range(1, weight.ndim)), keepdims=True)
    scale = (np.maximum(peak, 1e-12) / np.float32(127)).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def store_bytes(network: nn.Module, path: Path, prefix: str = "") -> None:
    """Stores, in a graph that `write_graph` wrote, the weights that `round_to_bytes` rounded as int8 and scales.

    A Cast and a Mul in front of their use are folded away when ONNX Runtime loads the file; a DequantizeLinear
    would be kept for quantised kernels and computed at every run.
    """
    model = onnx.load(path)
    weights = {prefix + name: module.weight for name, module in _named_weights(network) if is_large(module)}
    kept, nodes = [], []
    for stored in model.graph.initializer:
        name = stored.name.removesuffix(HALF)
        if name not in weights:
            kept.append(stored)
            continue
        levels, scale = _levels(weights[name].detach().numpy())
        kept += [numpy_helper.from_array(levels, name + BYTE), numpy_helper.from_array(scale, name + SCALE)]
        nodes.append(helper.make_node("Cast", [name + BYTE], [name + ".levels"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [name + ".levels", name + SCALE], [name]))
    others = [node for node in model.graph.node if not set(node.output) & weights.keys()]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes + others)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _named_weights(network: nn.Module) -> list[tuple[str, Any]]:
    return [(f"{name}.weight", module) for name, module in network.named_modules()]


def stored_weights(path: Path, prefix: str = "") -> dict[str, NDArray[np.float32]]:
    """The graph's weights as float32, by the names that the network gives them."""
    raw = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    found = {}
    for name, value in raw.items():
        if name.startswith(prefix) and not name.endswith(SCALE):
            plain = name.removeprefix(prefix).removesuffix(HALF).removesuffix(BYTE)
            size = raw[name.removesuffix(BYTE) + SCALE] if name.endswith(BYTE) else np.float32(1)
            found[plain] = value.astype(np.float32) * size
    return found


@torch.no_grad()
def load_from_graph(network: Any, path: Path, prefix: str = "") -> Any:
    """The network with the weights of a graph that was written after `settled`, ready to answer.

    The exporter gives a batch norm that is no more than a bias to its convolution, as `<weight>_bias`; it goes back.
    Raises ValueError for a weight that the graph does not hold or holds in another shape.
    """
    found = stored_weights(path, prefix)
    convolution = ""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and module.bias is None:
            convolution = f"{name}.weight"
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.running_mean)
            nn.init.constant_(module.running_var, 1 - module.eps)
            _fill(module.bias, found, f"{convolution}_bias", path)
    norms = tuple(name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d))
    for name, parameter in network.named_parameters():
        if name.rpartition(".")[0] not in norms:
            _fill(parameter, found, name, path)
    return network.eval()


def _fill(parameter: Tensor, found: Mapping[str, NDArray[np.float32]], name: str, path: Path) -> None:
    if name not in found or found[name].shape != tuple(parameter.shape):
        raise ValueError(f"{path.name} does not hold the weight {name} of this network")
    parameter.copy_(torch.from_numpy(found[name]))
