"""`python -m benchmarks.slides`: reads a large slide with PCam and compares; under 8 minutes on two cores."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.serving import machine
from benchmarks.serving.process import ROOT, Command, CommandFailed, run
from benchmarks.slides import hosts, report
from benchmarks.slides.made import ENLARGED, make

FOLDER = ROOT / "benchmarks/instance/slides"
UM_PER_PX = 0.499 / ENLARGED
NO_TIATOOLBOX = (
    "TIAToolbox's patch predictor: version 2.1.3 did not install here (it asks for torch below 2.13, with CUDA's "
    "libraries, and was not resolved within 15 minutes on a busy machine); plain torch instead"
)


def main() -> None:
    """Measures, writes `slides.json` and `slides.md`, and prints the latter."""
    options = _options()
    python, missing = Path(sys.executable), [NO_TIATOOLBOX]
    facts = machine.facts(python, python, ("onnxruntime", "numpy", "pillow", "celery", "sqlalchemy"), ())
    large, small = (make(side, options.data, FOLDER) for side in (options.side, options.side // 2))
    _tell("reading")
    seconds = 3 if options.quick else 6
    read = json.loads(_run("benchmarks.slides.reading", str(large), *(str(one) for one in (
        options.side, options.rounds, seconds, options.seed))))
    rivals = _rivals(large, missing)
    found: dict[str, Any] = {
        "machine": facts, "command": f"python -m benchmarks.slides --side {options.side} --rounds {options.rounds} "
        f"--slides {options.slides} --seed {options.seed}", "seed": options.seed, "side": options.side,
        "um_per_px": UM_PER_PX, "threads": read["threads"], "batch": read["batch"], "rounds": read["rounds"],
        "reading": report.summary(read["rounds"]), "rivals": rivals,
        "hosts": _measured_hosts(small, options, missing), "not_measured": missing,
        "load_after": round(os.getloadavg()[0], 2),
    }
    found["seconds_per_slide"] = found["reading"]["seconds"]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "slides.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = report.markdown(found)
    (options.out / "slides.md").write_text(text, encoding="utf-8")
    print(text)


def _rivals(slide: Path, missing: list[str]) -> list[dict[str, Any]]:
    if importlib.util.find_spec("torch") is None:
        missing.append("plain torch with a data loader: torch is not installed here")
        return []
    _tell("plain torch")
    found = _try("plain torch", lambda: json.loads(_run("benchmarks.slides.rival_torch", str(slide))), missing)
    return [found] if found else []


def _measured_hosts(slide: Path, options: argparse.Namespace, missing: list[str]) -> dict[str, Any] | None:
    problem = hosts.why_not(options.server)
    if problem:
        missing.append(f"two workers on two hosts: this machine {problem}")
        return None
    _tell("two hosts")
    rounds = 1 if options.quick else 2
    return _try("two workers on two hosts", lambda: hosts.measure(
        slide, options.side // 2, UM_PER_PX, options.slides, rounds, options.server), missing)


def _try(what: str, work: Callable[[], Any], missing: list[str]) -> Any:
    """One comparison that fails must not take the others with it."""
    try:
        return work()
    except (CommandFailed, OSError) as problem:
        _tell(str(problem))
        missing.append(f"{what}: failed, {str(problem).strip().splitlines()[-1][:200]}")
        return None


def _run(module: str, *words: str) -> str:
    return run(Command(argv=(sys.executable, "-m", module, *words))).strip().splitlines()[-1]


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    beside = ROOT.parent / "shared/data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slides", description=__doc__)
    parser.add_argument("--side", type=int, default=24_576, help="of the slide, in pixels (24576)")
    parser.add_argument("--rounds", type=int, default=3, help="timed readings after a first one (3)")
    parser.add_argument("--slides", type=int, default=6, help="read by one worker and by two (6), of half the side")
    parser.add_argument("--seed", type=int, default=7, help="of the bare network's input (7)")
    parser.add_argument("--quick", action="store_true", help="a small slide, one round: only whether it works")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("PORTAL_DATASETS") or beside),
                        help="the folder of real images (PORTAL_DATASETS)")
    parser.add_argument("--server", default=os.environ.get("PORTAL_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306"),
                        help="where MariaDB answers (PORTAL_TEST_MYSQL)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    options = parser.parse_args()
    if options.quick:
        options.side, options.rounds, options.slides = 6144, 1, 2
    return options


if __name__ == "__main__":
    main()
