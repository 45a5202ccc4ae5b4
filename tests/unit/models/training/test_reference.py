"""What drift is told from: real images that no fit has seen, read as the portal reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.engine import Engine
from models.imaging.decode import decode
from models.reference import load_reference, seen_of
from models.spec import Micrograph
from models.training.er import data as er
from models.training.isight import cases, gate, tissue
from models.training.pancreas.gate import section_paths
from models.training.protocol.own import FILE_LIMITS
from models.training.protocol.plan import Plan
from models.training.reference import SEED, SYSTEMS, measure
from tests.support import pictures


def plan(data: Path, key: str) -> Plan:
    return Plan(key=key, version="1", data=data, out=data, seed=SEED)


def test_every_image_is_measured_as_it_is_read_and_refusals_are_counted(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(files):
        path.write_bytes(pictures.smear(number) if number else pictures.blank())
    engine = Engine()
    held = measure(engine, "leukemia", files, "drawn smears")
    assert (held["images"], held["refused"], held["what"]) == (3, 1, "drawn smears")
    assert held["weights_sha256"] == engine.spec("leukemia").weights_sha256
    assert len(held["values"]["score"]) == 2
    micrographs = [Micrograph(pixels=decode(path.read_bytes(), FILE_LIMITS).pixels) for path in files]
    seen = [seen_of(engine.spec("leukemia"), one, engine.read("leukemia", one)) for one in micrographs]
    assert set(held["values"]) == {name for one in seen for name in one}
    for name, values in held["values"].items():
        assert values == pytest.approx(sorted(one[name] for one in seen if name in one), rel=1e-3)


@pytest.mark.datasets
def test_no_fit_has_seen_an_image_of_a_reference(datasets: Path) -> None:
    dealt = cases.deal(tissue.list_sources(datasets), SEED)
    fitted = {
        "er": [path for role in ("train", "validation") for path in er.image_paths(datasets, role)],  # type: ignore[arg-type]
        "pancreas": [path for role, some in section_paths(datasets).items() if role != "test" for path in some],
        "isight": [*dealt["train"], *dealt["validation"],
                   *(path for role, some in gate.real_paths(datasets).items() if role != "test" for path in some)],
    }
    for key, seen in fitted.items():
        held = SYSTEMS[key].files(plan(datasets, key))
        assert held, key
        assert not set(held) & set(seen), key
        kept = load_reference(Engine().spec(key))
        assert kept is not None
        assert kept.images == len(held), key
