"""From torch to ONNX files that are small, hold no trace of this machine, and compute what torch computes."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

OPSET = 20


def settled(network: Any) -> Any:
    """A copy that computes the same with batch norm inside the convolutions and weights that float16 holds.

    What is evaluated is then what is stored, and the exporter's own folding finds nothing left to change.
    """
    network = copy.deepcopy(network).eval()
    _fold_norms(network)
    for name, tensor in network.state_dict().items():
        if is_weight(name, tensor):
            tensor.copy_(tensor.half().float())
    return network


@torch.no_grad()
def _fold_norms(network: nn.Module) -> None:
    """Each batch norm becomes the identity plus a bias; its convolution is the last one without a bias."""
    convolution: nn.Conv2d | None = None
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is None:
            convolution = module
        elif isinstance(module, nn.BatchNorm2d) and convolution is not None:
            scale = module.weight / torch.sqrt(module.running_var + module.eps)
            convolution.weight *= scale[:, None, None, None]
            module.bias -= module.running_mean * scale
            module.weight.fill_(1)
            module.running_mean.zero_()
            module.running_var.fill_(1 - module.eps)
            convolution = None


def is_weight(name: str, tensor: Tensor) -> bool:
    """Whether float16 may hold it; statistics of batch norm may not."""
    return tensor.is_floating_point() and "running_" not in name


def save_state(network: Any, path: Path) -> None:
    """The weights of a settled network as float16, for the parity test and for later fits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = network.state_dict().items()
    torch.save({name: value.half() if is_weight(name, value) else value for name, value in stored}, path)


def load_network(network: Any, state: Path) -> Any:
    """The network with the weights of an exported or fitted `.pt` file, ready to answer."""
    network.load_state_dict(torch.load(state, map_location="cpu", weights_only=True))
    return network.eval()


def write_graph(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    names: Sequence[str],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """One ONNX file. `dynamic` names the axes of inputs whose size may change, such as {"image": {0: "n"}}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shapes = None
    if dynamic:
        shapes = tuple(
            {axis: torch.export.Dim(label) for axis, label in dynamic.get(name, {}).items()} for name in names
        )
    program = torch.onnx.export(
        module.eval(),
        inputs,
        dynamo=True,
        input_names=list(names),
        output_names=list(outputs),
        opset_version=OPSET,
        dynamic_shapes=shapes,
        optimize=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError(f"torch gave no graph for {path.name}")
    model = program.model_proto
    _strip(model)
    _store_half(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _strip(model: onnx.ModelProto) -> None:
    """Drops the exporter's notes: they name folders of this machine and outweigh a small graph."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
    del graph.value_info[:]


def _store_half(graph: onnx.GraphProto) -> None:
    """Weights as float16 with a Cast in front of their use, which ONNX Runtime folds away when it loads."""
    casts = []
    for initialiser in graph.initializer:
        value = numpy_helper.to_array(initialiser)
        if value.dtype == np.float32 and value.size > 64:
            name = initialiser.name
            initialiser.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)


def sha256_of(path: Path) -> str:
    """What `SPEC.graphs` must say of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
