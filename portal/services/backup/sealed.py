"""A stream under a passphrase: AES-256-GCM over pieces of 1 MiB, the key by scrypt.

Each piece is authenticated with its number and with whether it is the last (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015, as age has it), so a flipped bit, a piece that is missing or moved and a cut end
are noticed, and nothing of a piece is handed out before it was found whole.
"""

from __future__ import annotations

import secrets
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from portal.services.errors import BackupProblem

FAMILY = b"SecondRead backup "
MAGIC = FAMILY + b"1\n"
PIECE = 2**20
TAG = 16
SALT, PREFIX = 16, 7
LOG_N, R, P = 16, 8, 1
"""64 MB and about a fifth of a second per try at a passphrase, on the small machine that this is made for."""
HIGHEST_LOG_N = 18
CHECK_NONCE = b"\xff" * 12
HEAD = len(MAGIC) + 3 + SALT + PREFIX + TAG
SHORTEST_PASSPHRASE = 12

NO_BACKUP = "This file is not a backup of SecondRead. Choose the file that ends in .backup."
NEWER = "This backup was made by a newer version of SecondRead. Install that version, then restore with it."
WRONG = "The passphrase is not the one of this backup, or the file's first bytes are damaged. Nothing was changed."
DAMAGED = "The backup is damaged: what was written is not what is read. Use another copy of it, or another backup."
CUT = "The backup is not whole: its end is missing. Copy it again, or use another backup."


class SealedWriter:
    """Seals what is written to it; whole only after `finish`."""

    def __init__(self, out: IO[bytes], passphrase: str) -> None:
        self._out, self._number, self._held = out, 0, bytearray()
        salt, self._prefix = secrets.token_bytes(SALT), secrets.token_bytes(PREFIX)
        open_part = MAGIC + bytes([LOG_N, R, P]) + salt + self._prefix
        self._cipher = AESGCM(_key(passphrase, salt, LOG_N, R, P))
        self._head = open_part + self._cipher.encrypt(CHECK_NONCE, b"", open_part)
        out.write(self._head)

    def write(self, data: bytes) -> int:
        self._held += data
        # One piece stays behind: the last one is sealed differently.
        while len(self._held) > PIECE:
            self._seal(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        return len(data)

    def finish(self) -> None:
        self._seal(bytes(self._held), last=True)

    def _seal(self, piece: bytes, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._prefix, self._number, last), piece, self._head))
        self._number += 1


class SealedReader:
    """Opens what SealedWriter sealed. Raises BackupProblem in words for whoever restores."""

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        self._source, self._number, self._held, self._ended = source, 0, memoryview(b""), False
        self._head = source.read(HEAD)
        if not self._head.startswith(FAMILY):
            raise BackupProblem(NO_BACKUP)
        if not self._head.startswith(MAGIC):
            raise BackupProblem(NEWER)
        if len(self._head) < HEAD:
            raise BackupProblem(CUT)
        rest = self._head[len(MAGIC):]
        log_n, r, p = rest[:3]
        self._prefix = rest[3 + SALT:3 + SALT + PREFIX]
        if not 10 <= log_n <= HIGHEST_LOG_N or not 1 <= r <= R or not 1 <= p <= 4:
            raise BackupProblem(WRONG)
        self._cipher = AESGCM(_key(passphrase, rest[3:3 + SALT], log_n, r, p))
        try:
            self._cipher.decrypt(CHECK_NONCE, self._head[-TAG:], self._head[:-TAG])
        except InvalidTag:
            raise BackupProblem(WRONG) from None
        self._ahead = source.read(PIECE + TAG)

    def read(self, size: int) -> bytes:
        """At most so many bytes; nothing only at the end."""
        if not self._held and not self._ended:
            self._open_next()
        found, self._held = self._held[:size], self._held[size:]
        return bytes(found)

    def drain(self) -> None:
        """Read to the end, so that a cut is noticed behind what was of interest."""
        while self.read(PIECE):
            pass

    def _open_next(self) -> None:
        piece, self._ahead = self._ahead, self._source.read(PIECE + TAG)
        self._ended = not self._ahead
        if len(piece) < TAG:
            raise BackupProblem(CUT)
        try:
            self._held = memoryview(self._cipher.decrypt(
                _nonce(self._prefix, self._number, self._ended), piece, self._head))
        except InvalidTag:
            raise BackupProblem(CUT if self._ended else DAMAGED) from None
        self._number += 1


def _key(passphrase: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**log_n, r=r, p=p).derive(passphrase.encode())


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
