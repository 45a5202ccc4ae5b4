"""Damaged slides of every scanner: kept or refused in a sentence; what kills the decoder kills only that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.conftest import Fail
from tests.support import mutants

ROOT = Path(__file__).parents[2]
NUMBER = 1_500 if mutants.NIGHTLY else 150
AT_ONCE = 200
PATIENCE = 300.0
MOST_DEATHS = 0.02
"""Share of the files of which a library's fault may take the decoder's process: a job fails at once then."""


def test_damaged_slides_are_kept_or_refused(slide_seeds: dict[str, bytes], tmp_path: Path, offence: Fail,
                                            record_property: pytest.RecordProperty) -> None:
    outcomes: Counter[str] = Counter()
    for start in range(0, NUMBER, AT_ONCE):
        files = {number: mutants.mutant(number, slide_seeds, "slides")
                 for number in range(start, min(start + AT_ONCE, NUMBER))}
        for number, (name, _, data) in files.items():
            folder = tmp_path / "sent" / str(number)
            folder.mkdir(parents=True)
            (folder / name).write_bytes(data)
        for number, told in _broken(tmp_path / "sent", start, start + len(files)):
            outcomes[told.partition(":")[0]] += 1
            if told.startswith(("raised", "no-sentence")):
                offence(number, files[number][0], files[number][2], told)
        for number in files:
            assert [path.name for path in (tmp_path / "sent" / str(number)).iterdir()] == [files[number][0]]
    record_property("outcomes", dict(outcomes))
    print(f"{NUMBER} slides: {dict(outcomes)}")
    assert sum(outcomes.values()) == NUMBER
    assert outcomes["kept"] > NUMBER / 100
    assert outcomes["died"] <= NUMBER * MOST_DEATHS


def _broken(folder: Path, first: int, last: int) -> list[tuple[int, str]]:
    """What became of each; a process that died is started again behind the file that it died of."""
    told: list[tuple[int, str]] = []
    while first < last:
        done = subprocess.run([sys.executable, "-m", "tests.support.slide_breaker", str(folder), str(first), str(last)],
                              cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False, env=os.environ)
        lines = [line.split(" ", 2) for line in done.stdout.splitlines()]
        ended = {int(line[1]): line[2] for line in lines if line[0] == "ended"}
        told += ended.items()
        first += len(ended)
        if done.returncode:
            assert done.returncode < 0, done.stderr
            told.append((first, f"died: {done.returncode}"))
            first += 1
    return told
