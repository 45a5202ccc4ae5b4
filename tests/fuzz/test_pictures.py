"""Thousands of damaged pictures: each is read whole or refused in a sentence, and the pool stays as it was."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.imaging.errors import Unreadable
from models.imaging.limits import Limits
from models.imaging.scrub import scrub
from models.sandbox.pool import Pool
from tests.fuzz.conftest import Fail
from tests.support import mutants
from tests.unit.models.imaging import makers

NUMBER = 18_000 if mutants.NIGHTLY else 1_800
LIMITS = Limits(max_bytes=2_000_000, max_pixels=4_000_000)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool()
    yield made
    made.close()


def test_damaged_pictures_are_read_whole_or_refused(pool: Pool, picture_seeds: dict[str, bytes], offence: Fail,
                                                    record_property: pytest.RecordProperty) -> None:
    whole = {name: pool.decode(data, LIMITS).pixels for name, data in picture_seeds.items()}
    outcomes: Counter[str] = Counter()
    for number in range(NUMBER):
        name, done, data = mutants.mutant(number, picture_seeds)
        try:
            picture = pool.decode(data, LIMITS)
            kept = scrub(data, picture)
            again = pool.decode(kept.data, LIMITS).pixels
        except Unreadable as refused:
            outcomes[refused.code] += 1
            if not refused.message.endswith("."):
                offence(number, name, data, "refused without a sentence")
            continue
        except Exception as problem:
            offence(number, name, data, f"raised {problem!r}")
            raise
        outcomes["read"] += 1
        if not np.array_equal(again, picture.pixels):
            offence(number, name, data, "what is kept is another picture than the one that was read")
        if done == "cut" and not np.array_equal(picture.pixels, whole[name]):
            offence(number, name, data, "read although a part of its picture was cut off")
    record_property("outcomes", dict(outcomes))
    print(f"{NUMBER} pictures: {dict(outcomes)}")
    assert len(pool.processes()) == 1
    assert outcomes["read"] > NUMBER / 100
    assert outcomes["broken"] + outcomes["truncated"] > NUMBER / 10
    assert not outcomes["busy"] + outcomes["decoder-crash"] + outcomes["decoder-time"]


CHUNK = st.tuples(st.sampled_from([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"tEXt", b"eXIf", b"acTL", b"ABCD"]),
                  st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(zlib.compress)))
PNGS = st.builds(
    lambda head, chunks: makers.PNG_MAGIC + makers.chunk(b"IHDR", struct.pack(">IIBBBBB", *head)) + b"".join(
        makers.chunk(name, body) for name, body in chunks),
    st.tuples(st.integers(0, 70), st.integers(0, 70), st.sampled_from([1, 2, 4, 8, 16, 3]), st.integers(0, 6),
              st.integers(0, 1), st.integers(0, 1), st.integers(0, 2)), st.lists(CHUNK, max_size=5))
JPEGS = st.builds(lambda parts, tail: b"\xff\xd8" + b"".join(makers.segment(kind, body) for kind, body in parts) + tail,
                  st.lists(st.tuples(st.sampled_from([0xC0, 0xC2, 0xC4, 0xDB, 0xDA, 0xDD, 0xE0, 0xE1, 0xEE, 0xFE]),
                                     st.binary(max_size=80)), max_size=6), st.binary(max_size=200))
NUMBERS = st.integers(0, 0xFFFF)
TIFFS = st.builds(makers.tiff_of, st.dictionaries(
    st.sampled_from([254, 256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339, 347]),
    st.tuples(st.sampled_from([3, 4]), st.lists(NUMBERS, min_size=1, max_size=4).map(tuple)), min_size=1),
    st.binary(max_size=300), order=st.sampled_from(["<", ">"]))
WEBPS = st.lists(st.tuples(st.sampled_from([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"EXIF", b"ANIM"]),
                           st.binary(max_size=60)), max_size=5).map(lambda chunks: makers.riff(*chunks))
BMPS = st.tuples(st.integers(0, 200), st.sampled_from([40, 108, 124]), st.integers(-70, 70), st.integers(-70, 70),
                 st.integers(0, 2), st.sampled_from([1, 4, 8, 16, 24, 32, 5]), st.integers(0, 4),
                 st.binary(max_size=500)).map(lambda one: b"BM" + bytes(8) + struct.pack("<IIiiHHI", *one[:7]) + one[7])


@settings(max_examples=3_000 if mutants.NIGHTLY else 300, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.one_of(PNGS, JPEGS, TIFFS, WEBPS, BMPS))
def test_files_that_were_put_together_from_parts_are_read_or_refused(pool: Pool, data: bytes) -> None:
    code = ""
    try:
        picture = pool.decode(data, LIMITS)
    except Unreadable as refused:
        code = refused.code
    assert code not in ("busy", "decoder-crash", "decoder-time")
    assert code or picture.pixels.shape == (picture.height, picture.width, 3)
