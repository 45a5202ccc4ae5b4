"""Runs a module as `python -m` does, in the background, and ends with the process that started it.

`python -m portal.services.jobs.leash MODULE WORD…` with a pipe as its standard input, which closes when its starter
ends, however that happens. The starter makes it the first of a process group, which ends with it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

NICENESS = 10
SENTENCE = 64
"""Exit status of a module that ended in a sentence, which is then the last line that it wrote."""


def main() -> None:
    os.nice(NICENESS)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    del sys.argv[0]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, str):
            raise
        print(f"\n{' '.join(end.code.split())}", file=sys.stderr)
        raise SystemExit(SENTENCE) from None


def _end_with_starter() -> None:
    """Read from the descriptor: `sys.stdin` would be waited for at the end."""
    while os.read(0, 1024):
        pass
    os.kill(0 if os.getpgrp() == os.getpid() else os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
