"""The names by which stored and published weights find their place: they stay, however the modules are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.zoo._hybrid import build_hybrid
from models.zoo._isight.network import build_network
from models.zoo._isight.vit import Shape, vision_encoder

LINEAR = ("weight", "bias")


def names_of(network: Any, without: str = " ") -> set[str]:
    return {name for name in network.state_dict() if not name.startswith(without)}


def linear(*modules: str) -> Iterable[str]:
    return (f"{module}.{kind}" for module in modules for kind in LINEAR)


def test_the_hybrids_heads() -> None:
    common = {"temperature", *linear("head.narrow", "head.even", "head.answer")}
    gru = {f"head.sequence.read.{kind}_{way}_l0{end}"
           for kind in LINEAR for way in ("ih", "hh") for end in ("", "_reverse")}
    assert names_of(build_hybrid("resnet18", "gru"), "trunk.") == common | gru
    layers = {name for n in (0, 1) for name in linear(*(f"head.sequence.layers.{n}.{part}" for part in (
        "even", "even_too", "ask", "give", "think.0", "think.2")))}
    assert names_of(build_hybrid("resnet18", "encoder"), "trunk.") == common | layers


def test_isight_by_the_names_of_the_published_checkpoint() -> None:
    shape = Shape(width=16, layers=2, heads=2, inner=32, stride=14, side=28)
    tower = "patch_encoder.vision_model"
    layers = [f"{tower}.encoder.layers.{n}.{part}" for n in (0, 1) for part in (
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2",
        "layer_norm1", "layer_norm2")]
    gated = [f"attention_net.{part}" for part in ("attention_a.0", "attention_b.0", "attention_c")]
    heads = [f"classifiers.{number}" for number in range(5)]
    places = {f"{tower}.embeddings.{name}" for name in (
        "class_embedding", "patch_embedding.weight", "position_embedding.weight")}
    assert names_of(build_network(vision_encoder(shape), shape.width)) == places | {"temperature"} | set(linear(
        f"{tower}.pre_layrnorm", *layers, "visual_token_projection", *gated, "cell_type_projection", *heads))
