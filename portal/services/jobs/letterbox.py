"""Messages as files in a folder, for portals without a broker: kombu's file system transport with whole files only.

kombu's own writes into the file that a reader may already take, which ends the worker that finds it empty, and reads
it in the folder for temporary files, where a killed worker leaves it.
"""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem

FORGOTTEN_SECONDS = 3600
LOOK_SECONDS = 0.25


class Channel(filesystem.Channel):
    """A message is written under another name and then renamed; whoever renames it again has it alone."""

    def _put(self, queue: Any, message: Any, **_kwargs: Any) -> None:  # type: ignore[override]
        folder, name = Path(self.data_folder_out), f"{time.time_ns():020}-{uuid.uuid4().hex}"
        part = folder / f"{name}.part"
        part.write_text(json.dumps(message), encoding="utf-8")
        part.rename(folder / f"{name}.{queue}.msg")

    def _get(self, queue: Any, timeout: Any = None) -> Any:
        folder = Path(self.data_folder_in)
        for path in sorted(folder.glob(f"*.{queue}.msg")):
            taken = path.with_suffix(".part")
            try:
                path.rename(taken)
            except FileNotFoundError:  # Another worker was first.
                continue
            text = taken.read_text(encoding="utf-8")
            taken.unlink()
            message = json.loads(text)
            if not _is_out_of_date(message):
                return message
        raise Empty


def _is_out_of_date(message: dict[str, Any]) -> bool:
    """Celery would take it, see that, and look for the next one a second later: many would keep a new one waiting."""
    expires = (message.get("headers") or {}).get("expires")
    return expires is not None and datetime.fromisoformat(expires) < datetime.now(UTC)


class Transport(filesystem.Transport):
    """Read from Celery's event loop, as Redis and AMQP are: only there has each child of a worker pipes of its own.

    Without an event loop all children read one pipe under one lock, and a child that is killed while it waits for work
    keeps that lock for ever.
    """

    Channel = Channel
    implements = filesystem.Transport.implements.extend(asynchronous=True)

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        loop.call_repeatedly(LOOK_SECONDS, self._look, connection)

    def _look(self, connection: Any) -> None:
        with suppress(TimeoutError):
            self.drain_events(connection, timeout=0)  # type: ignore[no-untyped-call]


def tidy(folder: Path) -> None:
    """Remove what a killed process left half-written or half-read."""
    for path in folder.glob("*.part"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > FORGOTTEN_SECONDS:
                path.unlink()
