"""One decoder process as its owner sees it: ask, or be told how it died. Nothing that it says is trusted."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from models.imaging.container import Header
from models.imaging.decode import Picture
from models.imaging.errors import Code, Unreadable
from models.imaging.limits import Limits
from models.sandbox.budget import Budget

ROOT = Path(__file__).parents[2]
_START_SECONDS = 60.0
_GRACE_SECONDS = 2.0
_LONGEST_MESSAGE = 16_384
_MOST_NOTES, _LONGEST_NOTE = 8, 400
_PASSED_ON = ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "LD_LIBRARY_PATH")
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGALRM)
# Linux's numbers; the module's own constants are missing from some builds.
_ADD_SEALS, _SEAL_SHRINK, _SEAL_GROW, _SEAL_WRITE = 1033, 2, 4, 8


class Died(Exception):
    """The process is gone, or had to be ended; `code` is that of the refusal."""

    def __init__(self, code: str, status: int | None) -> None:
        super().__init__(f"{code}, exit status {status}")
        self.code, self.status = code, status


class Decoder:
    """A running process; not for several threads at once."""

    def __init__(self, module: str) -> None:
        """Raises OSError where no process can be started, or Died."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["OPENBLAS_NUM_THREADS"] = "1"
        self._channel = ours
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  (no shell, no foreign word)
                [sys.executable, "-m", module, str(theirs.fileno())], cwd=ROOT, env=environment,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)
        ours.settimeout(_START_SECONDS)
        self._heard()

    def decode(self, data: bytes, header: Header, limits: Limits, budget: Budget) -> Picture:
        """Raises Unreadable as the decoder does, or Died; this one is of no use any more then."""
        task = {**asdict(budget), "limits": asdict(limits)}
        with ExitStack() as held:
            sent = held.enter_context(_in_memory(data))
            self._channel.settimeout(budget.wall + _GRACE_SECONDS)
            try:
                socket.send_fds(self._channel, [json.dumps(task).encode()], [sent.fileno()])
            except OSError as error:
                raise self._ended("crash") from error
            answer, handle = self._heard()
            if handle is not None:
                held.callback(os.close, handle)
            return self._understood(answer, handle, header)

    def end(self) -> None:
        """Kill it and wait for its end, so that nothing is left of it."""
        self._channel.close()
        with suppress(OSError):
            self.process.kill()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def _heard(self) -> tuple[dict[str, Any], int | None]:
        """One message, and the descriptor that came with it, which is the caller's to close."""
        try:
            message, handles, _, _ = socket.recv_fds(self._channel, _LONGEST_MESSAGE, 1)
        except TimeoutError as error:
            raise self._ended("time") from error
        except OSError as error:
            raise self._ended("crash") from error
        try:
            answer = json.loads(message)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            for handle in handles:
                os.close(handle)
            raise self._ended("crash")
        return answer, handles[0] if handles else None

    def _ended(self, code: str) -> Died:
        """How it died: by itself, by a limit of the kernel's, or now."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0 if code == "time" else _GRACE_SECONDS)
        status = self.process.returncode
        self.end()
        if status in _OUT_OF_TIME:
            code = "time"
        elif status == -signal.SIGKILL:
            code = "memory"  # not by us: the kernel takes the largest process when memory is short
        return Died(code, status)

    def _understood(self, answer: dict[str, Any], handle: int | None, header: Header) -> Picture:
        if answer.get("code") == "memory":
            raise Died("memory", None)
        if handle is None and answer.get("code") in get_args(Code) and isinstance(answer.get("message"), str):
            raise Unreadable(cast(Code, answer["code"]), answer["message"][:_LONGEST_NOTE])
        sides = (header.height, header.width)
        shape = (*(sides if header.orientation < 5 else sides[::-1]), 3)
        notes = answer.get("notes")
        if handle is None or answer.get("shape") != list(shape) or not isinstance(notes, list):
            raise self._ended("crash")
        try:
            pixels = _mapped(handle, shape)
        except (OSError, ValueError) as error:
            raise self._ended("crash") from error
        return Picture(pixels=pixels, header=header, keepable=answer.get("keepable") is True,
                       notes=tuple(str(note)[:_LONGEST_NOTE] for note in notes[:_MOST_NOTES]))


def _mapped(handle: int, shape: tuple[int, int, int]) -> Any:
    """The pixels where they lie, sealed against later changes; what is written to them stays in this process."""
    fcntl.fcntl(handle, _ADD_SEALS, _SEAL_SHRINK | _SEAL_GROW | _SEAL_WRITE)
    size = shape[0] * shape[1] * shape[2]
    if os.fstat(handle).st_size != size:
        raise ValueError("another size than was told")
    return np.frombuffer(mmap.mmap(handle, size, access=mmap.ACCESS_COPY), np.uint8).reshape(shape)


def _in_memory(data: bytes) -> Any:
    """A file of memory with these bytes, read from its beginning."""
    file = os.fdopen(os.memfd_create("sent", os.MFD_CLOEXEC), "w+b", buffering=0)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest):]
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file
