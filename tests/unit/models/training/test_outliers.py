"""What code makes to be refused."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.training.protocol.outliers import generated, mosaics
from tests.unit.models.pictures import noise


def test_outliers_differ_from_each_other() -> None:
    rng = np.random.default_rng(0)
    made = generated(10, rng)
    assert len({one.tobytes() for one in made}) == 10
    assert mosaics([noise(1), noise(2)], 2, rng).shape == (2, 224, 224, 3)
