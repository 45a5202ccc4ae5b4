"""`python -m benchmarks.systems`: latency and memory of every system, and of OpenVINO beside ONNX Runtime."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.serving import machine
from benchmarks.serving.environment import BENCHMARKS, python_with
from benchmarks.serving.process import ROOT, Command, run
from benchmarks.systems import report
from benchmarks.systems.pictures import PICTURES
from models.card import load_card
from models.catalogue import Catalogue

ENGINES = ("onnxruntime", "openvino")
DATA = ROOT.parent / "shared/data"


def main() -> None:
    """Measures, writes `systems.json` and `systems.md`, and prints the latter."""
    options = _options()
    python = python_with(BENCHMARKS / "systems/requirements.txt", BENCHMARKS / ".venv-engines")
    keys = [key for key in options.only.split(",") if key in PICTURES]
    found: dict[str, Any] = {
        "machine": machine.facts(python, python, ("onnxruntime", "openvino", "numpy", "pillow"), ()),
        "command": f"python -m benchmarks.systems --repeats {options.repeats} --only {options.only}",
        "alone": {key: _read(python, [key], options) for key in keys},
        "together": _read(python, keys, options),
        "worth": {key: _worth(key) for key in keys},
        "graphs": {name: _engines(python, name, options) for name in _graphs(python, keys)},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "systems.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = report.markdown(found)
    (options.out / "systems.md").write_text(text, encoding="utf-8")
    print(text)


def _read(python: Path, keys: list[str], options: argparse.Namespace) -> dict[str, Any]:
    _tell(f"reading with {', '.join(keys)}")
    command = (str(python), "-m", "benchmarks.systems.reading", ",".join(keys), str(options.repeats), str(options.data))
    held: dict[str, Any] = json.loads(run(Command(argv=command)))
    return held


def _worth(key: str) -> dict[str, str]:
    """What a system was trained on, what was measured of it, and what its original claims."""
    spec = Catalogue()[key].spec
    figure = load_card(spec).headline
    measured = f"{figure.name} {figure.value}" + (f" ({figure.interval})" if figure.interval else "") if figure else "–"
    return {"data": spec.training_data.partition(".")[0], "measured": measured, "claim": spec.claim,
            "demonstration": "demonstration" if spec.demonstration else ""}


def _graphs(python: Path, keys: list[str]) -> list[str]:
    """The ONNX files that the systems name, each once."""
    ask = ("import json, sys; from models.catalogue import Catalogue; print(json.dumps(sorted({f.name for key in "
           "sys.argv[1:] for f in Catalogue()[key].spec.graphs.values() if f.name.endswith('.onnx')})))")
    names: list[str] = json.loads(run(Command(argv=(str(python), "-c", ask, *keys))))
    return names


def _engines(python: Path, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Each engine with one thread, and with one per core; and the largest difference of their outputs."""
    found: dict[str, Any] = {}
    for threads in (1, 2):
        for engine in ENGINES:
            _tell(f"{name}: {engine}, {threads} thread(s)")
            found[f"{engine}-{threads}"] = json.loads(run(Command(argv=(
                str(python), "-m", "benchmarks.systems.engines", str(ROOT / "models/weights" / name),
                str(options.repeats), str(threads), engine))))
    ours, theirs = (found[f"{engine}-1"]["outputs"] for engine in ENGINES)
    found["difference"] = max(abs(a - b) for one, other in zip(ours, theirs, strict=True)
                              for a, b in zip(one, other, strict=True))
    for one in found.values():
        if isinstance(one, dict):
            del one["outputs"]
    return found


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.systems", description=__doc__)
    parser.add_argument("--repeats", type=int, default=40, help="timed runs after a first one (40)")
    parser.add_argument("--only", default=",".join(PICTURES), help="some of the systems, separated by commas")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real images")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
