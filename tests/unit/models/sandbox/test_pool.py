"""A hostile picture costs its own request and nothing else."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from models.imaging import decode as in_process
from models.imaging.container import Header
from models.imaging.errors import Unreadable
from models.sandbox.budget import Budget, budget_of
from models.sandbox.pool import Pool
from tests.support import hostile_decoder as hostile
from tests.support.processes import children
from tests.unit.models.imaging import makers

Make = Callable[..., Pool]


def short(header: Header, size: int) -> Budget:
    """An ordinary budget, but for the clock's."""
    return Budget(seconds=1.0, wall=2.0, memory=100_000_000, output=3 * header.width * header.height)


@pytest.fixture
def make_pool() -> Iterator[Make]:
    made: list[Pool] = []

    def make(module: str = hostile.MODULE, **changes: object) -> Pool:
        made.append(Pool(module, **{"budget": short, **changes}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for pool in made:
        pool.close()
        assert not pool.processes()


def refusal(pool: Pool, data: bytes) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        pool.decode(data, makers.LIMITS)
    return caught.value


def test_what_comes_back_is_what_decoding_here_gives(make_pool: Make) -> None:
    pool = make_pool()
    for data in makers.every_format().values():
        here, apart = in_process.decode(data, makers.LIMITS), pool.decode(data, makers.LIMITS)
        assert np.array_equal(here.pixels, apart.pixels)
        assert (here.header, here.notes, here.keepable) == (apart.header, apart.notes, apart.keepable)
        apart.pixels[0, 0] = 7  # whoever reads it may change its own copy


def test_a_picture_that_lies_on_its_side_comes_back_upright(make_pool: Make) -> None:
    data = makers.encoded(makers.texture(), "JPEG", exif=makers.exif_block(6))
    assert make_pool().decode(data, makers.LIMITS).pixels.shape == (80, 60, 3)


def test_a_damaged_file_is_refused_in_the_decoders_own_words_and_its_process_stays(make_pool: Make) -> None:
    pool, whole = make_pool(), makers.every_format()["jpeg"]
    pool.decode(whole, makers.LIMITS)
    before = pool.processes()
    assert refusal(pool, whole[: len(whole) // 2]).code == "truncated"
    assert pool.processes() == before


@pytest.mark.parametrize(("order", "code", "words"), [
    (hostile.HANG, "decoder-time", "took too long"),
    (hostile.SPIN, "decoder-time", "took too long"),
    (hostile.CRASH, "decoder-crash", "crashed the decoder"),
    (hostile.KILLED, "decoder-memory", "too much memory"),
    (hostile.EAT, "decoder-memory", "too much memory"),
    (hostile.LIE, "decoder-crash", "crashed the decoder"),
], ids=lambda one: one.decode() if isinstance(one, bytes) else "")
def test_a_hostile_file_is_refused_and_the_next_good_one_is_read(make_pool: Make, order: bytes, code: str, words: str,
                                                                 caplog: pytest.LogCaptureFixture) -> None:
    pool = make_pool()
    refused = refusal(pool, hostile.told_to(order))
    assert (refused.code, words in refused.message) == (code, True)
    assert [one.levelname for one in caplog.records if one.name == "portal.decoders"] == ["WARNING"]
    assert pool.decode(makers.every_format()["png"], makers.LIMITS).width == 80
    assert len(pool.processes()) == 1


def test_good_files_are_read_while_hostile_ones_hang(make_pool: Make) -> None:
    pool = make_pool(budget=lambda header, size: Budget(seconds=30, wall=30, memory=10**8, output=10**6))
    hanging = [threading.Thread(target=lambda: refusal(pool, hostile.told_to(hostile.HANG))) for _ in range(2)]
    for one in hanging:
        one.start()
    while len(pool.processes()) < 2:
        time.sleep(0.02)
    assert pool.decode(makers.every_format()["png"], makers.LIMITS).width == 80
    assert all(one.is_alive() for one in hanging)
    pool.close()
    for one in hanging:
        one.join()


def test_who_finds_every_decoder_busy_is_told_to_come_again(make_pool: Make) -> None:
    pool = make_pool(budget=lambda header, size: Budget(seconds=30, wall=30, memory=10**8, output=10**6), patience=0.6)
    hanging = [threading.Thread(target=lambda: refusal(pool, hostile.told_to(hostile.HANG))) for _ in range(3)]
    for one in hanging:
        one.start()
    while len(pool.processes()) < 3:
        time.sleep(0.02)
    assert refusal(pool, makers.every_format()["png"]).code == "busy"
    pool.close()
    for one in hanging:
        one.join()


def test_a_decoder_has_neither_files_nor_secrets(make_pool: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the portal")
    pool = make_pool()
    pool.decode(makers.every_format()["png"], makers.LIMITS)
    environment = Path(f"/proc/{pool.processes()[0]}/environ")
    # A process that may not be looked into by its own user is not readable here either, but for root.
    assert os.geteuid() != 0 or b"SECRET_KEY" not in environment.read_bytes()
    assert refusal(pool, hostile.told_to(hostile.OPEN)).code == "decoder-crash"


def test_dead_decoders_are_waited_for_and_close_leaves_none(make_pool: Make) -> None:
    before, pool = children(), make_pool()
    for _ in range(3):
        refusal(pool, hostile.told_to(hostile.CRASH))
    pool.decode(makers.every_format()["png"], makers.LIMITS)
    assert children() - before == set(pool.processes())
    pool.close()
    assert children() == before


def test_a_decoder_that_died_while_idle_is_replaced(make_pool: Make) -> None:
    pool, data = make_pool(), makers.every_format()["png"]
    pool.decode(data, makers.LIMITS)
    os.kill(pool.processes()[0], 9)
    while pool.processes():
        time.sleep(0.01)
    assert pool.decode(data, makers.LIMITS).width == 80


def test_a_program_that_cannot_start_refuses_and_does_not_raise_anything_else(make_pool: Make) -> None:
    assert refusal(make_pool("tests.support.no_such_module"), makers.every_format()["png"]).code == "busy"


def test_the_budget_grows_with_the_picture_and_is_never_below_what_decoding_takes() -> None:
    small, large = (budget_of(Header(format="webp", width=side, height=side), 1_000_000) for side in (100, 6000))
    assert small.seconds >= 1
    assert large.wall > large.seconds > small.seconds
    assert large.memory >= 17 * 6000**2
