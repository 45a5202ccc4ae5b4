"""A system that uses every word of `models.spec`; a test drops it into the folder of models. It reads nothing real."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.slides.reading import SLIDE_NOTE, SlidePlan, SlideReader, pack, unpack, with_smaller
from models.slides.slide import Slide
from models.spec import (
    Finding,
    Label,
    Layer,
    Measure,
    Micrograph,
    ModelSpec,
    Nucleus,
    Question,
    Reading,
    Recount,
    Region,
    Run,
    Scale,
    Swatch,
    Tiles,
    WeightFile,
)

WEIGHTS = "rainbow-1.npz"
LEGEND = (Swatch(label="background", colour=(0, 0, 0)), Swatch(label="cold", colour=(0, 159, 255)),
          Swatch(label="hot", colour=(255, 216, 0)))


def follow(typed: Mapping[str, float]) -> Reading:
    """Warm and cold parts make the sum and the label."""
    if typed["warm"] + typed["cool"] > 5:
        raise ValueError("Warm and cool together are at most 5.")
    total = typed["warm"] + typed["cool"]
    return Reading(outcome="scored", label="bright" if total > 2 else "dull", scores={**typed, "sum": total},
                   notes=("A note that follows from the sum.",))


def score_counted(counted: Mapping[str, int]) -> Reading:
    """Each hot nucleus is a quarter of warmth, each cold one of coolness."""
    if counted["hot"] + counted["cold"] == 0:
        raise ValueError("Count at least one colour.")
    return follow({"warm": min(4.0, counted["hot"] / 4), "cool": min(1.0, counted["cold"] / 4)})


SPEC = ModelSpec(
    key="rainbow",
    version="1",
    title="Rainbow of test scores",
    summary="Uses every word that a system may use.",
    accepts="Any picture of at least 40 pixels.",
    labels=(Label(name="dull", meaning="Of little colour."), Label(name="bright", meaning="Of much colour.")),
    answer="Coloured like {label}; not a diagnosis.",
    notice="Research use only, not a diagnosis.",
    preprocessing="None.",
    calibrated=False,
    graphs={"predict": WeightFile(
        name=WEIGHTS, sha256=hashlib.sha256((Path(__file__).parent / WEIGHTS).read_bytes()).hexdigest())},
    licence="None.",
    source="Made up.",
    training_data="Made-up rainbows.",
    limits=("It knows nothing.",),
    measures=(
        Measure(key="sum", title="Colour sum", most=5, decimals=2, meaning="Warm plus cool."),
        Measure(key="warm", title="Warm part", most=4, decimals=2, unit="points", step=0.25),
        Measure(key="cool", title="Cool part", most=3, decimals=2, step=0.25),
    ),
    questions=(
        Question(key="shade", title="Shade", options=("light", "medium", "dark")),
        Question(key="smell", title="Smell", options=("none", "strong")),
    ),
    demonstration="It was fitted on made-up rainbows.",
    scale=Scale(wanted=0.5, least=0.25, most=2.0, free_side=320),
    family="rainbow",
    claim="The original claims to see every colour.",
    follow=follow,
    recount=Recount(classes=LEGEND[1:], score=score_counted),
)


def read(micrograph: Micrograph, run: Run) -> Reading:
    """Refuses pictures smaller than 40 pixels; else answers from what its weights say."""
    if min(micrograph.width, micrograph.height) < 40:
        small = Finding(code="too-small", message="This picture is too small for a rainbow.", refuses=True)
        return Reading(outcome="refused", reason=small.message, findings=(small,))
    warm = float(run("predict", {})["warm"])
    classes = np.zeros((micrograph.height, micrograph.width), np.uint8)
    classes[10:20, 10:20], classes[20:30, 10:20] = 1, 2
    heat = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    return Reading(
        outcome="scored",
        label="bright",
        scores={"sum": warm + 1.5, "warm": warm, "cool": 1.5, "shade": {"light": 0.1, "medium": 0.7, "dark": 0.2},
                "smell": None, "dominant": "hot"},
        notes=("A note that belongs to the scores.",),
        layers=(Layer(name="heatmap", title="Where it looked", kind="heat", values=heat),
                Layer(name="second", title="Where it looked again", kind="heat", values=heat[::-1]),
                Layer(name="mask", title="What it saw", kind="classes", values=classes, legend=LEGEND)),
        regions=(Region(x=10, y=20, width=30, height=15, value=0.9, text="the brightest corner"),
                 Region(x=0, y=0, width=20, height=20, value=0.4)),
        nuclei=(Nucleus(x=12, y=12, label="cold"), Nucleus(x=14, y=14, label="cold"),
                Nucleus(x=15, y=25, label="hot")),
    )


COLUMN = 512


def plan(slide: Slide, um_per_px: float | None, run: Run) -> SlidePlan:
    """Columns of 512 pixels; refuses slides smaller than 40 pixels."""
    facts: dict[str, Any] = {"width": slide.width, "height": slide.height, "um_per_px": um_per_px}
    if min(slide.width, slide.height) < 40:
        small = Finding(code="too-small", message="Too small for a rainbow.", refuses=True)
        return SlidePlan(**facts, findings=(small,))
    return SlidePlan(**facts, findings=(Finding(code="in-domain", message="It belongs."),),
                     parts=-(-slide.width // COLUMN), arrays={"warm": run("predict", {})["warm"]})


def read_part(slide: Slide, plan: SlidePlan, number: int, run: Run) -> bytes:
    """The mean of a column's red."""
    column = slide.region(0, number * COLUMN, 0, min(COLUMN, slide.width - number * COLUMN), slide.height)
    return pack({"red": column[..., 0].mean(dtype=np.float32)[None] / 255})


def combine(plan: SlidePlan, parts: Mapping[int, bytes], run: Run) -> Reading:
    """The reddest column is the region; the map has a place per column."""
    red = np.array([unpack(parts[number])["red"][0] for number in range(plan.parts)], np.float32)
    best, warm = int(red.argmax()), float(plan.arrays["warm"])
    heat = Layer(name="heatmap", title="How red", kind="heat", values=red[None])
    region = Region(x=best * COLUMN, y=0, width=min(COLUMN, plan.width - best * COLUMN), height=plan.height,
                    value=float(red[best]), text="the reddest column", measures={"red": float(red[best])})
    return Reading(outcome="scored", label="bright", scores={"sum": warm + 1.5, "warm": warm, "cool": 1.5},
                   findings=plan.findings, notes=(SLIDE_NOTE,), layers=(with_smaller(heat, 1),), regions=(region,),
                   tiles=Tiles(name="red", label="bright", threshold=0.5, values=red[None], width=COLUMN,
                               lefts=tuple(float(x) for x in range(0, plan.width, COLUMN)), tops=(0.0,),
                               height=float(plan.height)))


SLIDES = SlideReader(plan=plan, read_part=read_part, combine=combine)


def build() -> Any:
    """There is no network."""
    raise NotImplementedError
