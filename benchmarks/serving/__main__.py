"""`python -m benchmarks.serving`: needs only Python; both environments are made when missing."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks.serving import machine, report, smears
from benchmarks.serving.environment import rivals_python
from benchmarks.serving.measure import Plan, Round, measure
from benchmarks.serving.portal_stack import Portal
from benchmarks.serving.process import ROOT, Server, free_port
from benchmarks.serving.stacks import Stack, rivals
from benchmarks.serving.uploads import Smears, bomb, text_as_jpeg

KEYS = ("portal", "fastapi", "flask", "gradio")
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
    python = rivals_python()
    portal = Portal(folder / "portal")
    with_portal = portal.key in options.only
    if with_portal:
        portal.prepare(folder / "prepare.log")
    facts = machine.facts(ROOT / ".venv/bin/python", python)
    pictures = _pictures(options.images, portal if with_portal else None, folder / "smears")
    known: tuple[Stack, ...] = (portal, *rivals(python))
    stacks = [stack for stack in known if stack.key in options.only]
    plan = Plan(smears=Smears(pictures), requests=options.requests, clients=options.clients,
                junk={"text": text_as_jpeg(), "bomb": bomb()}, logs=folder)
    rounds: dict[str, list[Round]] = {stack.key: [] for stack in stacks}
    whole_starts: list[float] = []
    for number in range(options.rounds):
        for stack in stacks[number % len(stacks):] + stacks[:number % len(stacks)]:
            _tell(f"round {number + 1} of {options.rounds}: {stack.title}")
            rounds[stack.key].append(measure(stack, plan))
        if with_portal:
            whole_starts.append(_whole_start(portal, folder / "whole.log"))
    return report.Run(machine=facts, requests=options.requests, titles={one.key: one.title for one in stacks},
                      rounds=rounds, whole_starts=whole_starts, command=_command())


def _pictures(folder: Path | None, portal: Portal | None, drawn: Path) -> list[bytes]:
    """Given JPEG files, or drawn ones; of either only those that the portal scores, when it takes part."""
    files = sorted(folder.glob("*.jp*g")) if folder else smears.draw(drawn)
    if portal is None:
        return [file.read_bytes() for file in files]
    pictures = smears.scored(portal, files)
    _tell(f"{len(pictures)} of {len(files)} smears are scored and used in turn")
    return pictures


def _whole_start(portal: Portal, log: Path) -> float:
    port = free_port()
    with Server(portal.whole_start(port), port, log) as server:
        return server.start_seconds


def _command() -> str:
    return shlex.join(["python", "-m", "benchmarks.serving", *sys.argv[1:]])


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--requests", type=int, default=200, help="per round and number of clients (200)")
    parser.add_argument("--clients", type=_numbers, default=(1, 4, 16), help="how many at once (1,4,16)")
    parser.add_argument("--rounds", type=int, default=3, help="times each server is started and measured (3)")
    parser.add_argument("--only", type=_keys, default=KEYS, help=f"some of {','.join(KEYS)}")
    parser.add_argument("--images", type=Path, help="a folder of JPEG smears instead of drawn ones")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", help="where the report goes")
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(part) for part in text.split(",")}))


def _keys(text: str) -> tuple[str, ...]:
    wanted = tuple(text.split(","))
    unknown = set(wanted) - set(KEYS)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(KEYS)}")
    return wanted


if __name__ == "__main__":
    main()
