"""`python -m benchmarks.backup --gigabytes 2`: seconds and memory of `flask backup`, `backup-verify` and `restore`.

Each in a process of its own, on a small portal and on a large one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.backup import report
from benchmarks.serving import machine
from benchmarks.serving.process import ROOT, Command, run

PASSPHRASE = "a lantern over the harbour"  # noqa: S105  (of a backup that is gone when this ends)
SMALL = 0.1


def main() -> None:
    """Measures, writes `backup.json` and `backup.md`, and prints the latter."""
    options = _options()
    python = Path(sys.executable)
    found: dict[str, Any] = {
        "machine": machine.facts(python, python, ("flask", "sqlalchemy", "cryptography"), ()), "seed": options.seed,
        "command": f"python -m benchmarks.backup --gigabytes {options.gigabytes:g} --seed {options.seed}",
        "rounds": []}
    for size in (SMALL, options.gigabytes):
        with tempfile.TemporaryDirectory(prefix="secondread-backup-") as folder:
            found["rounds"].append(_measure(Path(folder), size, options.seed))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "backup.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (options.out / "backup.md").write_text(report.markdown(found), encoding="utf-8")
    print(report.markdown(found))


def _measure(folder: Path, gigabytes: float, seed: int) -> dict[str, Any]:
    """A filled portal that is backed up, and an empty place that the backup is restored to."""
    _tell(f"filling {gigabytes:g} GB")
    here, there, archive = folder / "here", folder / "there", folder / "one.backup"
    run(Command(argv=(sys.executable, "-m", "benchmarks.backup.fill", str(gigabytes), str(seed)), env=_place(here)))
    steps = {"backup": _flask(here, "backup", archive), "backup-verify": _flask(there, "backup-verify", archive),
             "restore": _flask(there, "restore", archive)}
    held = re.search(r"([\d,]+) rows .* ([\d,]+) files", steps["restore"]["said"])
    if not held:
        raise RuntimeError(steps["restore"]["said"])
    rows, files = (int(one.replace(",", "")) for one in held.groups())
    return {"gigabytes": gigabytes, "rows": rows, "files": files, "archive_mb": archive.stat().st_size / 1e6,
            "steps": {name: {"seconds": one["seconds"], "peak_mb": one["peak_mb"]} for name, one in steps.items()}}


def _flask(place: Path, name: str, archive: Path) -> dict[str, Any]:
    """Run it to its end. `peak_mb`: the highest resident memory that the system counted."""
    _tell(name)
    word = archive.with_name("passphrase")
    word.write_text(PASSPHRASE, encoding="utf-8")
    command = Command(argv=(sys.executable, "-m", "flask", "--app", "wsgi", name, str(archive), "--passphrase-file",
                            str(word)), env=_place(place))
    began = time.perf_counter()
    with subprocess.Popen(command.argv, cwd=command.cwd, env=command.environment(),  # noqa: S603 (our own commands)
                          stdout=subprocess.PIPE, text=True) as program:
        said = program.stdout.read() if program.stdout else ""
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise RuntimeError(said)
    return {"said": said, "seconds": time.perf_counter() - began, "peak_mb": usage.ru_maxrss * 1.024e-3}


def _place(folder: Path) -> dict[str, str]:
    return {"PORTAL_INSTANCE": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'secondread.sqlite3'}",
            "SECRET_KEY": "k" * 40}


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backup", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2, help="of the large portal; three times that on disk (2)")
    parser.add_argument("--seed", type=int, default=28, help="of the random bytes (28)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
