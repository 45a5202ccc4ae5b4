"""The figures of every database for people, from those that programs read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.kills.run import WHICH
from benchmarks.serving.report import aligned

KINDS = tuple(dict.fromkeys(WHICH))
DATABASES = {"sqlite": "SQLite", "mysql": "MariaDB"}


def markdown(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """`kept` has one run for each database."""
    runs = [kept[name] for name in DATABASES if name in kept]
    return "\n".join([
        "# Processes killed at random moments", "",
        "Two readers upload all the time and jobs are asked for, while gunicorn, its child, a worker or its child is",
        "killed with SIGKILL at a random moment after an upload was acknowledged. Afterwards the database and the",
        "files are compared with every answer that was given.", "",
        *aligned([["", *(DATABASES[one["database"]] for one in runs)],
                  ["kills", *(str(sum(one["kills"].values())) for one in runs)],
                  *([f"of {kind}", *(str(one["kills"].get(kind, 0)) for one in runs)] for kind in KINDS),
                  ["minutes", *(f"{one['seconds'] / 60:.1f}" for one in runs)],
                  ["uploads sent", *(str(one["uploads_sent"]) for one in runs)],
                  ["acknowledged", *(str(one["acknowledged"]) for one in runs)],
                  ["unanswered: the process was killed", *(str(one["unanswered"]) for one in runs)],
                  ["answered otherwise", *(str(one["answered_otherwise"]) for one in runs)],
                  ["jobs asked for", *(str(one["jobs"]) for one in runs)],
                  ["images kept", *(str(one["found"]["images"]) for one in runs)],
                  ["files without a row, swept up", *(str(one["found"]["swept"]) for one in runs)],
                  ["jobs given up: killed at each try", *(str(one["found"].get("jobs_given_up", 0)) for one in runs)],
                  ["problems", *(_problems(one) for one in runs)]]), "",
        "A problem is: something acknowledged that is lost or whose bytes are others, a row without its file, a file",
        "without a row after the sweep, an image read twice by one version, an answer that is not on the list, a job",
        "that is still open or that failed without having been killed at each try.", "",
        *map(_source, runs), "",
    ])


def _problems(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in one["problems"].items()) or "none"


def _source(one: Mapping[str, Any]) -> str:
    command = f"`{one['command']}`" if "command" in one else "its command was not kept"
    return f"- {DATABASES[one['database']]}: {one['measured']}, Python {one['python']}, seed {one['seed']}, {command}."
