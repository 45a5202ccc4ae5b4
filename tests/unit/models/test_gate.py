"""The gate refuses what is no smear, and says in plain words what to do about it."""

from __future__ import annotations

import numpy as np
import pytest

from models import gate
from models.engine import WEIGHTS, Engine
from models.spec import Micrograph, Pixels
from models.zoo._smear import DOMAIN
from tests.unit.models.pictures import blurred, flat, noise, screenshot


@pytest.mark.parametrize(
    ("pixels", "code"),
    [
        (flat((250, 250, 248)), "blank"),
        (flat((0, 0, 0)), "blank"),
        (noise(shape=(60, 80)), "too-small"),
        (noise() // 10, "too-dark"),
        (120 + noise() // 12, "low-contrast"),
    ],
)
def test_poor_quality_is_named(engine: Engine, pixels: Pixels, code: str) -> None:
    reading = engine.read("leukemia", Micrograph(pixels=pixels))
    assert reading.outcome == "refused"
    assert code in [finding.code for finding in reading.findings if finding.refuses]


@pytest.mark.parametrize("pixels", [noise(), screenshot(), noise(3, (900, 1200))])
def test_what_is_no_smear_is_refused(engine: Engine, pixels: Pixels) -> None:
    assert engine.read("leukemia", Micrograph(pixels=pixels)).outcome == "refused"


def test_a_smear_out_of_focus_is_refused_as_blur(engine: Engine, smear: Pixels) -> None:
    reading = engine.read("leukemia", Micrograph(pixels=blurred(smear, 0.03 * min(smear.shape[:2]))))
    assert [finding.code for finding in reading.findings] == ["blur"]


def test_a_close_up_of_one_cell_is_refused(engine: Engine, smear: Pixels) -> None:
    height, width = smear.shape[:2]
    close = smear[: height // 5, : width // 5].repeat(4, axis=0).repeat(4, axis=1)
    assert engine.read("leukemia", Micrograph(pixels=close)).outcome == "refused"


def test_a_refused_reading_has_no_class_and_says_what_to_do(engine: Engine) -> None:
    reading = engine.read("leukemia", Micrograph(pixels=screenshot()))
    assert (reading.label, dict(reading.scores), reading.layers) == (None, {}, ())
    assert reading.reason == next(finding.message for finding in reading.findings if finding.refuses)
    assert reading.reason.endswith(".")


def test_every_kind_of_refusal_has_its_advice() -> None:
    assert set(DOMAIN.kinds) == set(DOMAIN.advice)
    assert DOMAIN.stranger in DOMAIN.kinds


def test_sharpness_falls_as_blur_grows(smear: Pixels) -> None:
    measured = [gate.measure(smear, one, 0).sharpness for one in (smear, blurred(smear, 4), blurred(smear, 12))]
    assert measured == sorted(measured, reverse=True)


def test_belonging_is_log_odds_against_the_rest() -> None:
    odds = np.array([[2.0, 0.5, -1.0, 0.0, 0.1, 0.2]])
    shares = np.exp(odds) / np.exp(odds).sum()
    assert gate.belonging(odds)[0] == pytest.approx(np.log(shares[0, 0] / (1 - shares[0, 0])))


def test_an_embedding_that_is_no_number_is_refused(engine: Engine) -> None:
    with np.load(WEIGHTS / engine.spec("leukemia").graphs["gate"].name, allow_pickle=False) as archive:
        parameters = dict(archive)
    nothing = np.full((1, parameters["mean"].shape[-1]), np.nan, dtype=np.float32)
    assert gate.check_domain(nothing, parameters, DOMAIN)[0].refuses
