"""A decoder's process in which some files do what hostile ones might: the picture's comment says what.

`python -m tests.support.hostile_decoder CHANNEL`, as the pool starts it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import threading

from models.imaging.decode import Picture, decode
from models.imaging.limits import Limits
from models.sandbox.inside import serve
from tests.unit.models.imaging import makers

HANG, SPIN, CRASH, KILLED, EAT, LIE = b"do hang", b"do spin", b"do crash", b"do be killed", b"do eat", b"do lie"
OPEN, CONNECT = b"do open", b"do connect"
MODULE = "tests.support.hostile_decoder"


def told_to(what: bytes, more: bytes = b"") -> bytes:
    """A whole and ordinary picture that carries the order."""
    return makers.png_with(makers.every_format()["png"], makers.chunk(b"tEXt", b"order\0" + what + more))


def obedient(data: bytes, limits: Limits) -> Picture:
    if HANG in data:
        threading.Event().wait()
    if SPIN in data:
        while True:
            pass
    if CRASH in data:
        ctypes.string_at(0)
    if KILLED in data:
        os.kill(os.getpid(), signal.SIGKILL)
    if EAT in data:
        held = []
        while True:
            held.append(bytearray(8 << 20))
    if LIE in data:
        os.write(3, b"not an answer")
        for handle in range(3, 12):
            try:
                os.write(handle, b"[" * 5000)
            except OSError:
                continue
        threading.Event().wait()
    if OPEN in data:
        with open("/etc/passwd", "rb"):  # noqa: PTH123  (what an exploit would do)
            pass
    if CONNECT in data:
        socket.create_connection(("127.0.0.1", int(data.split(CONNECT)[1][:5])))
    return decode(data, limits)


if __name__ == "__main__":
    serve(obedient)
