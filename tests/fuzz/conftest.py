"""Where offending bytes are left, and seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import mutants

Fail = Callable[..., None]


@pytest.fixture
def offence(tmp_path: Path) -> Fail:
    """Fails the test with the seed, the number and where the bytes lie."""

    def fail(number: int, name: str, data: bytes, why: str) -> None:
        folder = tmp_path / "offending"
        folder.mkdir(exist_ok=True)
        path = folder / f"{number}-{Path(name).name}"
        path.write_bytes(data)
        pytest.fail(f"{why}: file {number} from {name}; PORTAL_FUZZ_SEED={mutants.SEED}; the bytes lie in {path}")

    return fail


@pytest.fixture(scope="session")
def picture_seeds(request: pytest.FixtureRequest) -> dict[str, bytes]:
    return mutants.pictures(request.getfixturevalue("datasets"))


@pytest.fixture(scope="session")
def slide_seeds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return mutants.slides(tmp_path_factory.mktemp("slides"), request.getfixturevalue("datasets"))
