"""A published checkpoint becomes our network: the same names, the same shapes, the same answers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.runtime import ort

pytest.importorskip("torch", reason="torch is not installed: converting needs requirements.txt")

import torch
from torch import Tensor
from torch.nn import functional as F

from models import installed
from models.catalogue import Catalogue
from models.engine import WEIGHTS, Engine
from models.training.isight.convert import (
    UNUSED,
    CheckpointError,
    compare,
    convert,
    empty_network,
    fill,
    main,
    read_checkpoint,
)
from models.zoo._isight.vit import PUBLISHED, Shape
from models.zoo._isight.words import CELLS, QUESTIONS

TINY = Shape(width=32, layers=2, heads=4, inner=64, stride=112)
TOWER = "patch_encoder.vision_model"


def published_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Names and shapes as the published state dict has them, written from its description alone."""
    wide, inner = shape.width, shape.inner
    found: dict[str, tuple[int, ...]] = {
        f"{TOWER}.embeddings.class_embedding": (wide,),
        f"{TOWER}.embeddings.patch_embedding.weight": (wide, 3, shape.stride, shape.stride),
        f"{TOWER}.embeddings.position_embedding.weight": ((shape.side // shape.stride) ** 2 + 1, wide),
    }

    def linear(name: str, out: int, into: int) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = (out, into), (out,)

    def norm(name: str) -> None:
        found[f"{name}.weight"] = found[f"{name}.bias"] = (wide,)

    norm(f"{TOWER}.pre_layrnorm")
    norm(f"{TOWER}.post_layernorm")
    for index in range(shape.layers):
        layer = f"{TOWER}.encoder.layers.{index}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear(f"{layer}.self_attn.{part}", wide, wide)
        norm(f"{layer}.layer_norm1")
        norm(f"{layer}.layer_norm2")
        linear(f"{layer}.mlp.fc1", inner, wide)
        linear(f"{layer}.mlp.fc2", wide, inner)
    linear("visual_token_projection", wide, wide)
    linear("attention_net.attention_a.0", 256, wide)
    linear("attention_net.attention_b.0", 256, wide)
    linear("attention_net.attention_c", 1, 256)
    linear("cell_type_projection", wide, 39)
    linear("text_projection_to_visual_dim", wide, 768)
    for index, options in enumerate((4, 4, 4, 58, 2)):
        linear(f"classifiers.{index}", options, wide)
    found["patch_encoder.text_model.embeddings.token_embedding.weight"] = (49408, 768)
    found["patch_encoder.text_projection.weight"] = (768, 768)
    found["patch_encoder.logit_scale"] = ()
    return found


def checkpoint(shape: Shape, seed: int = 0) -> dict[str, Tensor]:
    """Random weights of that shape that float16 holds; all of them parts of one small buffer, to spare memory."""
    torch.manual_seed(seed)
    sizes = {name: int(np.prod(sides, dtype=np.int64)) for name, sides in published_shapes(shape).items()}
    noise = (torch.randn(max(sizes.values()) + 4096 * len(sizes)) * 0.04).half().float()
    found = {}
    for number, (name, sides) in enumerate(published_shapes(shape).items()):
        part = noise[4096 * number : 4096 * number + sizes[name]].view(sides)
        found[name] = (1 + part).half().float() if "norm" in name and name.endswith("weight") else part
    return found


def reference(state: dict[str, Tensor], patches: Tensor, cell: Tensor, heads: int) -> list[Tensor]:
    """The published network written straight down: one bag of patches (n, 3, side, side) in [0, 1] to five logits."""

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)

    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[None, :, None, None]
    spread = torch.tensor([0.26862954, 0.26130258, 0.27577711])[None, :, None, None]
    kernel = state[f"{TOWER}.embeddings.patch_embedding.weight"]
    seen = F.conv2d((patches - mean) / spread, kernel, stride=kernel.shape[-1]).flatten(2).mT
    first = state[f"{TOWER}.embeddings.class_embedding"].expand(len(seen), 1, -1)
    x = torch.cat([first, seen], 1) + state[f"{TOWER}.embeddings.position_embedding.weight"]
    x = norm(f"{TOWER}.pre_layrnorm", x)
    layers = 1 + max(int(name.split(".")[4]) for name in state if ".encoder.layers." in name and TOWER in name)
    for index in range(layers):
        layer = f"{TOWER}.encoder.layers.{index}"
        before = norm(f"{layer}.layer_norm1", x)
        parts = (linear(f"{layer}.self_attn.{part}_proj", before) for part in "qkv")
        query, key, value = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = x + linear(f"{layer}.self_attn.out_proj", mixed)
        inside = linear(f"{layer}.mlp.fc1", norm(f"{layer}.layer_norm2", x))
        x = x + linear(f"{layer}.mlp.fc2", inside * torch.sigmoid(1.702 * inside))
    tokens = linear("visual_token_projection", x)
    gated = torch.tanh(linear("attention_net.attention_a.0", tokens))
    gated = gated * torch.sigmoid(linear("attention_net.attention_b.0", tokens))
    attention = torch.softmax(linear("attention_net.attention_c", gated), dim=0)
    pooled = (attention * tokens).sum(dim=0).mean(dim=0, keepdim=True)
    if cell.any():
        pooled = pooled + linear("cell_type_projection", cell)
    return [linear(f"classifiers.{index}", pooled) for index in range(5)]


def bag(side: int, count: int, seed: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def cell_type(index: int | None) -> Tensor:
    found = torch.zeros(1, len(CELLS))
    if index is not None:
        found[0, index] = 1
    return found


@torch.no_grad()
def worst_difference(network: Any, state: dict[str, Tensor], shape: Shape, count: int, cell: Tensor) -> float:
    patches = torch.from_numpy(bag(shape.side, count))
    expected = reference(state, patches.permute(0, 3, 1, 2) / 255, cell, shape.heads)
    said = network(patches, [count], cell)
    return max(float((one - other).abs().max()) for one, other in zip(said, expected, strict=True))


@pytest.mark.parametrize("cell", [None, 2])
def test_a_converted_checkpoint_answers_as_the_published_network(tmp_path: Path, cell: int | None) -> None:
    state = checkpoint(TINY)
    torch.save({"epoch": 3, "model_state_dict": state}, tmp_path / "isight.pth")
    network = fill(empty_network(TINY), read_checkpoint(tmp_path / "isight.pth"))
    assert worst_difference(network, state, TINY, 3, cell_type(cell)) < 1e-5


@pytest.mark.slow
def test_the_round_trip_holds_at_the_full_published_shape(tmp_path: Path) -> None:
    state = checkpoint(PUBLISHED)
    torch.save({"model_state_dict": state}, tmp_path / "isight.pth")
    network = empty_network()
    assert sum(one.numel() for one in network.parameters()) == 305_194_825
    fill(network, read_checkpoint(tmp_path / "isight.pth"))
    assert worst_difference(network, state, PUBLISHED, 2, cell_type(5)) < 1e-4


def test_every_published_name_is_used_or_named_as_unused() -> None:
    state = {name: torch.empty(sides, device="meta") for name, sides in published_shapes(PUBLISHED).items()}
    report = compare(state, empty_network())
    assert report.fits
    assert report.used + len(report.ignored) == len(state)
    assert all(name.startswith(UNUSED) for name in report.ignored)


def test_weights_saved_from_several_processors_are_read_too(tmp_path: Path) -> None:
    torch.save({f"module.{name}": one for name, one in checkpoint(TINY).items()}, tmp_path / "isight.pth")
    assert compare(read_checkpoint(tmp_path / "isight.pth"), empty_network(TINY)).fits


def test_a_checkpoint_fitted_without_cell_types_adds_nothing_for_one() -> None:
    state = {name: one for name, one in checkpoint(TINY).items() if not name.startswith("cell_type")}
    network = fill(empty_network(TINY), state)
    pooled = torch.randn(1, TINY.width)
    told, untold = (network.answer(pooled, cell_type(cell)) for cell in (4, None))
    assert all(torch.equal(one, other) for one, other in zip(told, untold, strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("classifiers.3.bias"), r"1 missing from the checkpoint: classifiers\.3\.bias"),
        (lambda state: state.update(extra=torch.zeros(2)), r"1 not known to this network: extra"),
        (
            lambda state: state.update({"classifiers.4.weight": torch.zeros(3, 32)}),
            r"classifiers\.4\.weight is 3×32 instead of 2×32",
        ),
        (lambda state: state.pop("cell_type_projection.bias"), r"1 missing .*cell_type_projection\.bias"),
    ],
)
def test_what_does_not_fit_is_named_in_plain_words_and_nothing_is_written(
    tmp_path: Path, change: Any, words: str
) -> None:
    state = dict(checkpoint(TINY))
    change(state)
    torch.save(state, tmp_path / "isight.pth")
    with pytest.raises(CheckpointError, match=words):
        convert(tmp_path / "isight.pth", tmp_path / "out", TINY)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_size_is_told_apart() -> None:
    smaller = Shape(width=32, layers=1, heads=4, inner=64, stride=112)
    report = compare(checkpoint(TINY), empty_network(smaller))
    assert not report.fits
    assert len(report.unexpected) == 16
    assert "and 8 more" in " ".join(report.lines())


class Trap:
    """Would run code if it were unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("sprung"),))  # type: ignore[return-value]


@pytest.mark.parametrize("held", [b"no weights", {"model_state_dict": Trap()}, {"epoch": 3}, [1, 2]])
def test_what_is_no_checkpoint_is_refused_and_runs_no_code(
    tmp_path: Path, held: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "isight.pth"
    if isinstance(held, bytes):
        path.write_bytes(held)
    else:
        torch.save(held, path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["convert", str(path), str(tmp_path / "out")])
    assert main() == 1
    assert "isight.pth" in capsys.readouterr().err
    assert not (tmp_path / "sprung").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_installed_conversion_is_a_model_of_the_catalogue(tmp_path: Path) -> None:
    """The tiny shape stands for the large one: names, manifest and graphs are the same."""
    state = checkpoint(TINY)
    torch.save(state, tmp_path / "isight.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        convert(tmp_path / "isight.pth", tmp_path / "weights", TINY)
    entry = Catalogue(weights=tmp_path / "weights")["isight-large"]
    assert entry.spec.installed
    assert entry.spec.family == Catalogue(weights=WEIGHTS)["isight"].spec.key
    engine = Engine(Catalogue(weights=tmp_path / "weights"), weights=tmp_path / "weights")
    (mine,) = (one for one in engine.verify() if one.key == "isight-large")
    assert mine.ok
    files = {name: tmp_path / "weights" / file.name for name, file in entry.spec.graphs.items()}
    sessions = {name: ort.InferenceSession(files[name]) for name in ("encode", "predict")}
    patches = bag(TINY.side, 3)
    (tokens,) = sessions["encode"].run(None, {"patches": patches})
    said = sessions["predict"].run(None, {"tokens": tokens, "cell": cell_type(7).numpy()})
    expected = reference(state, torch.from_numpy(patches).permute(0, 3, 1, 2) / 255, cell_type(7), TINY.heads)
    for index, logits in enumerate(expected):
        assert np.abs(said[index] - logits.softmax(1).numpy()).max() < 1e-5
    assert said[len(QUESTIONS)].sum(axis=0) == pytest.approx(1)


def test_without_files_the_large_version_says_how_to_get_them(tmp_path: Path) -> None:
    spec = Catalogue(weights=tmp_path)["isight-large"].spec
    assert not spec.installed
    assert "models.training.isight.convert" in installed.missing(spec, tmp_path)
