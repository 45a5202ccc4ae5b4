"""From torch to the two ONNX graphs that serving runs: reading, and Grad-CAM of one class."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F

OPSET = 20
SHAPE = (1, 3, 224, 224)
FEATURES = (1, 576, 7, 7)


class Reader(nn.Module):
    """What `leukemia-N.onnx` computes: probabilities, features, embedding."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features, embedding = self.network.describe(image)
        logits = self.network.head(features) / self.network.temperature
        return torch.softmax(logits, dim=1), features, embedding


def grad_cam(head: Any, features: Tensor, chosen: Tensor) -> Tensor:
    """Grad-CAM (7, 7) in [0, 1] of the logit that `chosen` (1, 4) marks, with respect to the features."""
    (slope,) = torch.autograd.grad((head(features) * chosen).sum(), features)
    weighted = (slope.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)[0].relu()
    return weighted / weighted.amax(dim=(0, 1)).clamp(min=1e-12)


def traced_grad_cam(head: Any) -> nn.Module:
    """The same as a graph without autograd; mkldnn is off so that the LSTM is traced step by step."""

    def compute(features: Tensor, chosen: Tensor) -> Tensor:
        return grad_cam(head, features.requires_grad_(), chosen).detach()

    head = copy.deepcopy(head).requires_grad_(False)
    with torch.backends.mkldnn.flags(enabled=False):
        return make_fx(compute)(torch.randn(FEATURES), torch.eye(4)[:1])


def settled(network: Any) -> Any:
    """A copy that computes the same with batch norm inside the convolutions and weights that float16 holds.

    What is evaluated is then what is stored, and the exporter's own folding finds nothing left to change.
    """
    network = copy.deepcopy(network).eval()
    _fold_norms(network)
    for name, tensor in network.state_dict().items():
        if _is_weight(name, tensor):
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


def _is_weight(name: str, tensor: Tensor) -> bool:
    return tensor.is_floating_point() and "running_" not in name


def export(network: Any, folder: Path, stem: str) -> dict[str, Path]:
    """Writes `<stem>.onnx`, `<stem>.gradcam.onnx` and the torch weights `<stem>.pt`; files by name."""
    network = settled(network)
    folder.mkdir(parents=True, exist_ok=True)
    predict, explain, state = (folder / f"{stem}{end}" for end in (".onnx", ".gradcam.onnx", ".pt"))
    stored = network.state_dict().items()
    torch.save({name: value.half() if _is_weight(name, value) else value for name, value in stored}, state)
    _write(Reader(network), (torch.zeros(SHAPE),), predict, ["image"], ["probabilities", "features", "embedding"])
    inputs = (torch.zeros(FEATURES), torch.eye(4)[:1])
    _write(traced_grad_cam(network.head), inputs, explain, ["features", "chosen"], ["heatmap"])
    return {"predict": predict, "explain": explain, "torch": state}


def load_network(build: Any, state: Path) -> Any:
    """`build()` with the weights of an exported or fitted `.pt` file, ready to answer."""
    network = build()
    network.load_state_dict(torch.load(state, map_location="cpu", weights_only=True))
    return network.eval()


def _write(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, names: list[str], outputs: list[str]) -> None:
    program = torch.onnx.export(
        module.eval(),
        inputs,
        dynamo=True,
        input_names=names,
        output_names=outputs,
        opset_version=OPSET,
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


def parity(network: Any, predict: Path, explain: Path, images: NDArray[np.float32]) -> dict[str, float]:
    """Largest differences between torch and ONNX Runtime over images (n, 3, 224, 224) in [-1, 1]."""
    sessions = [ort.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (predict, explain)]
    worst = {"probabilities": 0.0, "heatmap": 0.0}
    for image in images:
        features = network.describe(torch.from_numpy(image[None]))[0].detach().requires_grad_()
        logits = network.head(features) / network.temperature
        chosen = F.one_hot(logits.argmax(1), 4).float()
        shown = grad_cam(network.head, features, chosen).detach().numpy()
        answer = sessions[0].run(["probabilities", "features"], {"image": image[None]})
        heat = sessions[1].run(["heatmap"], {"features": answer[1], "chosen": chosen.numpy()})[0]
        expected = torch.softmax(logits, 1).detach().numpy()
        worst["probabilities"] = max(worst["probabilities"], float(np.abs(expected - answer[0]).max()))
        worst["heatmap"] = max(worst["heatmap"], float(np.abs(shown - heat).max()))
    return worst


def hashes(files: dict[str, Path]) -> dict[str, str]:
    """The sha256 of each file, for `SPEC.graphs`."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
