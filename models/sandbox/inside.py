"""The decoder's own process: `python -m models.sandbox.inside CHANNEL`, with a leash as its standard input.

A request is one message of JSON with a descriptor of the bytes; the answer is one with a descriptor of the pixels,
or why there are none. It ends when either line closes, or when a limit is passed.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from models.imaging.decode import Picture, decode
from models.imaging.errors import Unreadable
from models.imaging.limits import Limits
from models.sandbox import confinement

LONGEST_MESSAGE = 16_384
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
Decode = Callable[[bytes, Limits], Picture]


def serve(decode: Decode) -> None:
    """Decode what comes, one picture after the other, until nobody asks any more."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    confinement.end_with(sys.stdin.fileno())
    _warm_up()
    idle = confinement.address_space()
    _fall_silent()
    confinement.confine()
    channel.send(b"{}")
    while _answered(channel, decode, idle):
        confinement.at_rest()


def _fall_silent() -> None:
    """What libraries write of a foreign file, perhaps words out of it, is for no log."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


def _warm_up() -> None:
    """Whatever is imported or set up by the first picture of a kind, while files may still be opened."""
    for kind in _FORMATS:
        buffer = BytesIO()
        Image.new("RGB", (2, 2)).save(buffer, kind)
        decode(buffer.getvalue(), Limits(max_bytes=10_000, max_pixels=100))


def _answered(channel: socket.socket, decode: Decode, idle: int) -> bool:
    message, handles, _, _ = socket.recv_fds(channel, LONGEST_MESSAGE, 1)
    if not message:
        return False
    task = json.loads(message)
    with os.fdopen(handles[0], "rb") as sent:
        data = sent.read()
    confinement.allow(seconds=task["seconds"], wall=task["wall"], address_space=idle + task["memory"],
                      output=task["output"])
    try:
        picture = decode(data, Limits(**task["limits"]))
        _hand_over(channel, picture)
    except Unreadable as problem:
        _say(channel, {"code": problem.code, "message": problem.message})
    except MemoryError:
        _say(channel, {"code": "memory"})
    return True


def _hand_over(channel: socket.socket, picture: Picture) -> None:
    """The pixels in a file of memory, which is not mapped here, so that who asked can seal it."""
    pixels = np.ascontiguousarray(picture.pixels)
    handle = os.memfd_create("pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = pixels.data.cast("B")
        while rest:
            rest = rest[os.write(handle, rest):]
        answer = {"shape": pixels.shape, "notes": picture.notes, "keepable": picture.keepable}
        socket.send_fds(channel, [json.dumps(answer).encode()], [handle])
    finally:
        os.close(handle)


def _say(channel: socket.socket, answer: dict[str, Any]) -> None:
    channel.send(json.dumps(answer).encode())


if __name__ == "__main__":
    serve(decode)
