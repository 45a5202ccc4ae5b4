"""What the leukemia model says of drawn pictures: smears are read with room to spare, others refused."""

from __future__ import annotations

import pytest

from models.engine import Engine
from models.imaging.decode import decode
from models.imaging.drawn import LOOKS, Kind, draw_smear, write_samples
from models.spec import Micrograph
from tests.unit.models.imaging.makers import LIMITS

ROOM = 1.0
"""Log-odds by which a sample stays clear of the gate's limit, so that a retrained gate still lets it pass."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def test_the_samples_are_read_or_refused_as_they_say(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = write_samples(tmp_path_factory.mktemp("samples"))
    pictures = [sample for sample in samples if sample.path.suffix == ".png"]
    assert len(pictures) == 4
    for sample in pictures:
        reading = engine.read("leukemia", Micrograph(pixels=decode(sample.path.read_bytes(), LIMITS).pixels))
        assert reading.outcome == ("refused" if "refused" in sample.what else "scored"), sample.what


@pytest.mark.parametrize("kind", LOOKS)
def test_drawn_smears_are_well_inside_the_domain(engine: Engine, kind: Kind) -> None:
    for seed in (0, 1, 2, 3, 7):
        belongs = engine.read("leukemia", Micrograph(pixels=draw_smear(seed, kind))).findings[0]
        assert belongs.value is not None
        assert belongs.limit is not None
        assert belongs.value - belongs.limit > ROOM
