"""In place of `models.training`: the same words and files, no network. `stub.json` in the instance folder says how.

`epochs` rounds, `waits_after` so many of this process it waits for ever, `sentence` ends it in one, `crash` in none,
`status` in that. Every start is a line of `stub.log`: verb, how it was told to begin, process, lines of the table.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from tests.support.own import comparison, make_version


def word(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else ""


def main() -> None:
    verb, key, out = sys.argv[1], sys.argv[2], Path(word("--out"))
    instance = out.parents[1]
    told: dict[str, Any] = json.loads((instance / "stub.json").read_text())
    rows = len((Path(word("--data")) / "labels.csv").read_text().splitlines()) - 1
    begun = word("--name") or ("resumed" if "--resume" in sys.argv else "-")
    with (instance / "stub.log").open("a") as log:
        log.write(f"{verb} {begun} {os.getpid()} {rows}\n")
    {"fit": fit, "export": export, "compare": compare}[verb](out, key, told)


def fit(out: Path, _key: str, told: dict[str, Any]) -> None:
    out.mkdir(exist_ok=True)
    if word("--name"):
        (out / "name").write_text(word("--name"))
    end(told)
    lines, epochs = out / "epochs.jsonl", told.get("epochs", 3)
    known = lines.read_text().count("\n") if lines.exists() else 0
    for epoch in range(known, epochs):
        print(f"\repoch {epoch + 1} of {epochs}:  50%|#####     |", end="", file=sys.stderr, flush=True)
        (out / "last.pt").write_text(str(epoch))
        with lines.open("a") as file:
            file.write(f"{epoch}\n")
        if epoch + 1 - known == told.get("waits_after"):
            threading.Event().wait()


def end(told: dict[str, Any]) -> None:
    if "sentence" in told:
        raise SystemExit(told["sentence"])
    if "status" in told:
        raise SystemExit(told["status"])
    if "crash" in told:
        raise ValueError(told["crash"])


def export(out: Path, key: str, _told: dict[str, Any]) -> None:
    make_version(out / "version", (out / "name").read_text(), key, compared=False)


def compare(out: Path, key: str, _told: dict[str, Any]) -> None:
    path, = (out / "version").glob(f"{key}-*.json")
    held = comparison(json.loads(path.read_text()), "cannot-tell")
    path.with_suffix(".comparison.json").write_text(json.dumps(held))


if __name__ == "__main__":
    main()
