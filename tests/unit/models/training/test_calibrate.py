"""Temperature scaling finds what was done to known probabilities."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.training.protocol.calibrate import expected_calibration_error, fit_temperature, probabilities


def overconfident(factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose true probabilities are known, then sharpened by a factor."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 1.5, (4000, 4))
    labels = np.array([rng.choice(4, p=row) for row in probabilities(logits)])
    return logits * factor, labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_temperature_undoes_a_known_sharpening(factor: float) -> None:
    logits, labels = overconfident(factor)
    assert fit_temperature(logits, labels) == pytest.approx(factor, rel=0.1)


def test_temperature_lowers_the_calibration_error_and_keeps_the_answers() -> None:
    logits, labels = overconfident(3.0)
    before, after = probabilities(logits), probabilities(logits, fit_temperature(logits, labels))
    assert expected_calibration_error(after, labels) < 0.03 < expected_calibration_error(before, labels)
    assert np.array_equal(before.argmax(1), after.argmax(1))
