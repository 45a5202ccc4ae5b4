"""What is sealed opens with its passphrase only, and only whole."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.services.backup import sealed
from portal.services.backup.sealed import PIECE, SealedReader, SealedWriter
from portal.services.errors import BackupProblem

WORD = "a lantern over the harbour"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of the key is as in earnest, only shorter."""
    monkeypatch.setattr(sealed, "LOG_N", 10)


def seal(*parts: bytes) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, WORD)
    for part in parts:
        writer.write(part)
    writer.finish()
    return out.getvalue()


def opened(data: bytes, word: str = WORD) -> bytes:
    reader = SealedReader(io.BytesIO(data), word)
    return b"".join(iter(lambda: reader.read(70_000), b""))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7])
def test_what_goes_in_comes_out(size: int) -> None:
    data = bytes(size % 251 for size in range(size))
    assert opened(seal(data[:size // 3], data[size // 3:])) == data


def test_a_wrong_passphrase_is_told_as_that() -> None:
    with pytest.raises(BackupProblem, match="passphrase is not the one"):
        opened(seal(b"rows"), "another passphrase")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_every_flipped_bit_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(seal(b"x" * (PIECE + 100)))
    place = data.draw(st.integers(0, len(whole) - 1))
    # The numbers of the key's making are bounded first: a changed one costs no more than a try.
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BackupProblem):
        opened(bytes(whole))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_every_cut_is_noticed(data: st.DataObject) -> None:
    whole = seal(b"x" * (2 * PIECE + 100))
    length = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.sampled_from(
        [sealed.HEAD, sealed.HEAD + PIECE + 16, sealed.HEAD + 2 * (PIECE + 16)])))
    with pytest.raises(BackupProblem):
        opened(whole[:length])


def test_pieces_in_another_order_or_twice_are_noticed() -> None:
    whole, piece = seal(b"a" * PIECE, b"b" * PIECE, b"c"), PIECE + sealed.TAG
    head, first, second, rest = (whole[:sealed.HEAD], whole[sealed.HEAD:][:piece], whole[sealed.HEAD + piece:][:piece],
                                 whole[sealed.HEAD + 2 * piece:])
    for moved in (head + second + first + rest, head + first + first + rest, head + first + rest, whole + rest):
        with pytest.raises(BackupProblem):
            opened(moved)


@pytest.mark.parametrize(("data", "words"), [
    (b"", "not a backup"), (b"PK\3\4 a zip", "not a backup"), (b"SecondRead backup 2\n" + bytes(200), "newer version")])
def test_what_is_no_backup_of_ours_is_told(data: bytes, words: str) -> None:
    with pytest.raises(BackupProblem, match=words):
        opened(data)
