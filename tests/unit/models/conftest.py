"""A smear drawn by code, and the real images where they are."""

from __future__ import annotations

import os
from pathlib import Path

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


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real images."""
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("PORTAL_DATASETS") or beside)
    if not (folder / "leukemia").is_dir():
        pytest.skip("the real images are not here: set PORTAL_DATASETS")
    return folder
