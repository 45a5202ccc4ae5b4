"""`python -m benchmarks.batch`: needs only Python and as much disk as the files that are sent."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks.batch import report, tiffs
from benchmarks.batch.measure import Plan, measure
from benchmarks.serving import machine
from benchmarks.serving.portal_stack import Portal
from benchmarks.serving.process import ROOT

INSTANCES = ROOT / "benchmarks/instance"
"""Beside the code and not in /tmp, which may be memory: a stored file must cost what a disk costs."""


def main() -> None:
    options = _options()
    INSTANCES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=INSTANCES) as folder:
        run = _run(options, Path(folder))
    report.write(run, options.out)
    print(report.markdown(run))


def _run(options: argparse.Namespace, folder: Path) -> report.Run:
    portal = Portal(folder / "portal", options.model)
    portal.prepare(folder / "prepare.log")
    facts = machine.facts(ROOT / ".venv/bin/python")
    _tell(f"drawing {tiffs.DISTINCT} TIFFs of {options.side}×{options.side}")
    files = tiffs.draw(folder / "tiffs", options.side)
    plan = Plan(files=files, count=options.files, every=options.every, log=folder / "portal.log")
    batch = measure(portal, plan, _tell)
    stored = sum(one.stat().st_size for one in (folder / "portal/files").rglob("*") if one.is_file())
    return report.Run(machine=facts, model=options.model, count=options.files, batch=batch, stored_mb=stored / 1e6,
                      command=shlex.join(["python", "-m", "benchmarks.batch", *sys.argv[1:]]))


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--files", type=int, default=100, help="how many TIFFs are sent (100)")
    parser.add_argument("--every", type=int, default=10, help="after how many memory is read (10)")
    parser.add_argument("--side", type=int, default=tiffs.SIDE, help="pixels of a side (4100: 50 MB)")
    parser.add_argument("--model", default="pancreas", help="the system that reads them (pancreas)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
