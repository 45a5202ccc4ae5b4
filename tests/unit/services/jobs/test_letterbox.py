"""Messages as files: whole or not there, and each read by one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from portal.services.jobs import letterbox
from portal.services.jobs.carrier import FILES


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[letterbox.Channel]:
    options = {name: str(tmp_path) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    with Connection(f"{FILES}://here/", transport_options=options) as connection:
        yield connection.channel()


def test_messages_are_read_once_and_in_order(channel: letterbox.Channel) -> None:
    for number in range(3):
        channel._put("ours", {"number": number})
    channel._put("theirs", {"number": 9})
    assert [channel._get("ours")["number"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Empty):
        channel._get("ours")


def test_a_message_that_another_reader_has_taken_is_passed_over(
        channel: letterbox.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        channel._put("ours", {"number": number})
    rename: Callable[[Path, Path], Path] = Path.rename
    taken: list[Path] = []

    def late(path: Path, target: Path) -> Path:
        if not taken:
            taken.append(path)
            path.unlink()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    assert channel._get("ours") == {"number": 1}


def test_nothing_stays_behind_a_message(channel: letterbox.Channel, tmp_path: Path) -> None:
    channel._put("ours", {})
    channel._get("ours")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_after_a_while(tmp_path: Path) -> None:
    old, young = tmp_path / "1.part", tmp_path / "2.part"
    for path in (old, young):
        path.write_text("{")
    os.utime(old, (1, 1))
    letterbox.tidy(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
