"""A smear drawn by code, and an engine."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from models.engine import Engine
from models.imaging.drawn import write_samples
from models.spec import Pixels


@pytest.fixture(scope="session")
def smear(tmp_path_factory: pytest.TempPathFactory) -> Pixels:
    """The first of the portal's own drawn samples, which the gate has to let pass."""
    first = write_samples(tmp_path_factory.mktemp("drawn"))[0]
    return np.asarray(Image.open(first.path).convert("RGB"))


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine()
