"""Run in a network namespace of its own: `python offline_start.py FOLDER` starts the unpacked kit there with ./run.sh,
asks it for its first pages over loopback, stops it, and prints what was seen as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path


def ask(address: str) -> dict[str, object]:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return {"status": answer.status, "text": answer.read().decode()}
    except urllib.error.HTTPError as refusal:
        return {"status": refusal.code, "text": refusal.read().decode()}


def started(process: subprocess.Popen[str]) -> str:
    """All that run.sh said until it listens, or until it gave up."""
    said = []
    assert process.stdout
    for line in process.stdout:
        said.append(line)
        if "Listening at" in line:
            break
    return "".join(said)


def main(folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    routes = "".join(subprocess.run(["ip", family, "route", "show", "default"], capture_output=True, text=True,
                                    check=True).stdout for family in ("-4", "-6"))
    kept = {name: os.environ[name] for name in ("PATH", "PYTHON") if name in os.environ}
    environment = {**kept, "HOME": str(folder), "PIP_CONFIG_FILE": os.devnull}
    process = subprocess.Popen(["./run.sh"], cwd=folder, env=environment, text=True, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = started(process)
        setup = next((word for word in said.split() if "/setup?token=" in word), "")
        pages = {path: ask(f"http://127.0.0.1:8000{path}")
                 for path in ("/", "/readyz", "/static/vendor/htmx.min.js")} if "Listening at" in said else {}
        pages |= {"/setup": ask(setup)} if setup and pages else {}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    print(json.dumps({"routes": routes, "said": said, "pages": pages}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
