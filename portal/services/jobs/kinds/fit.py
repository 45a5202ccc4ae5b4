"""Fine-tunes a system from reviewed images: set, fit, export and comparison, by the training side's own program."""

from __future__ import annotations

import importlib.util
import logging
import re
import secrets
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.extensions import db
from portal.services import audit
from portal.services.activation import bring_in
from portal.services.errors import NotActivated, NotFound
from portal.services.exports import bundle, training
from portal.services.housekeeping import clear_ended
from portal.services.jobs.product import enough_room, lasting_workshop, list_lasting, still_needed
from portal.services.jobs.program import ProgramEnded, run_module, tail, where_it_ended
from portal.services.jobs.work import GiveWay, JobFailed, LeaseLost, Work
from portal.storage import jobs
from portal.storage.tables.columns import now

log = logging.getLogger("portal.jobs")

NAME = "fit"
PATIENCE = 120.0
MODULE = "models.training"
NEEDED = ("torch", "timm", "sklearn", "onnx", "tqdm")
NO_TOOLS = ("The machine that does this portal’s jobs has no training software (torch). Take the training set away, "
            "fine-tune on a machine that has it, and bring the version in with “flask models install”; "
            "docs/training/own.md says how.")
NO_ADMINISTRATOR = "Only an administrator has a system fine-tuned, and you are none any more."
GONE = "This system is not here any more, so it cannot be fine-tuned."
BUSY = "Job {number} fine-tunes this system already. Ask again when it is done."
NOT_TAUGHT = "This system does not learn from a clinic’s own images yet."
KILLED = ("The machine ended the work, most likely for want of memory. Try again when it has less to do, or fine-tune "
          "on another machine.")
UNFORESEEN = "Fine-tuning failed for a reason that is not foreseen. Tell your administrator the number {number}."
USAGE = 2
"""Exit status of a program that does not know a word of its command line: the key."""
NOTED_EVERY = 50
SET = 0
"""The part that says that the training set was made since the job was asked for."""
TOTAL, FITTED, EXPORTED = 1000, 900, 930
"""Shares of the work; the fit takes nearly all the time."""
EPOCH = re.compile(r"epoch (\d+) of (\d+):\s+(\d+)%")


def run(work: Work) -> dict[str, Any]:
    """The images of patients in the workshop outlast a turn, and never the job.

    Where a version was made `clear_ended` removes it, once the job's end is committed: a job whose worker is killed
    before that finds all that it made, and need not fit again.
    """
    folder = lasting_workshop(work.settings, work.job.id)
    try:
        with enough_room():
            return _made(work, folder)
    except JobFailed:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except LeaseLost:
        db.session.rollback()
        clear_ended(work.settings)  # Another worker may have the job, and its folder.
        raise


def _made(work: Work, folder: Path) -> dict[str, Any]:
    _check(work)
    _make_set(work, folder)
    for verb in ("fit", "export", "compare"):
        if not (folder / f"{verb}.done").exists():
            _do(work, folder, verb)
            (folder / f"{verb}.done").touch()
    work.check()
    try:
        manifest = bring_in(audit.Actor(user_id=work.job.owner_id), folder / "run" / "version", work.settings.models)
    except NotActivated as problem:
        raise JobFailed(str(problem)) from problem
    return {"version": {"key": manifest.key, "version": manifest.version}}


def _check(work: Work) -> None:
    """Raises JobFailed where there is no use in beginning, or in going on."""
    if any(importlib.util.find_spec(one) is None for one in NEEDED):
        raise JobFailed(NO_TOOLS)
    owner = work.job.owner
    if owner.role != "admin" or owner.status != "approved":
        raise JobFailed(NO_ADMINISTRATOR)
    begun = list_lasting(work.settings)
    for other in jobs.list_open_of_kind(NAME):
        if other.id in begun and other.id != work.job.id and other.params["key"] == work.job.params["key"]:
            raise JobFailed(BUSY.format(number=other.id))


def _make_set(work: Work, folder: Path) -> None:
    """The images that the owner may read now, as the training set that they could take away; made once."""
    data, made = folder / "data", SET in work.finished_parts()
    if made and data.is_dir():
        still_needed(folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        system = training.find_system(work.desk.engine, work.job.params["key"])
    except NotFound as problem:
        raise JobFailed(GONE) from problem
    reader_id, packed = training.reader_of(work.job.owner_id, work.job.owner.role), folder / "set.zip"
    with packed.open("wb") as file:
        for number, piece in enumerate(bundle.stream_zip(system, work.desk.store, reader_id, now())):
            if number % NOTED_EVERY == 0:
                work.progress(0, 0, "Gathering the reviewed images")
            file.write(piece)
    _unpack(work, packed, folder / "unpacked")
    next((folder / "unpacked").iterdir()).rename(data)
    if not made:
        work.keep(SET, b"", done=0, total=TOTAL, note="Reviewed images gathered")


def _unpack(work: Work, packed: Path, folder: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        for name in archive.namelist():
            archive.extract(name, folder)
            work.check()
    packed.unlink()


def _do(work: Work, folder: Path, verb: str) -> None:
    """One verb of the training side. Raises JobFailed, and GiveWay when others wait and a fit can be taken up."""
    asked, out, written = work.job.params, folder / "run", folder / "log"
    words = [verb, asked["key"], "--data", str(folder / "data"), "--out", str(out)]
    if asked["base"]:
        words += ["--base", str(work.settings.models / f"{asked['key']}-{asked['base']}.json")]
    if verb == "fit":
        words += ["--resume"] if (out / "last.pt").is_file() else ["--name", asked["name"]]
    look = _Fitting(work=work, folder=folder) if verb == "fit" else _After(work=work, verb=verb)
    try:
        run_module(MODULE, words, written, look)
    except ProgramEnded as problem:
        raise JobFailed(_told(work, folder, verb, problem)) from problem


def _told(work: Work, folder: Path, verb: str, problem: ProgramEnded) -> str:
    """Why, in a sentence for the owner; what nobody foresaw goes to the operator's log."""
    if problem.sentence:
        return problem.sentence.replace(f"{folder}/", "")
    if problem.status == USAGE:
        return NOT_TAUGHT
    number = secrets.token_hex(4)
    log.error("error %s: job %d: %s ended with %d: %s", number, work.job.id, verb, problem.status,
              where_it_ended(tail(folder / "log")))
    return KILLED if problem.status < 0 else UNFORESEEN.format(number=number)


@dataclass(kw_only=True)
class _After:
    """Says that what follows the fit is under way."""

    work: Work
    verb: str

    def __call__(self) -> None:
        if self.verb == "export":
            self.work.progress(FITTED, TOTAL, "Writing the new version")
        else:
            self.work.progress(EXPORTED, TOTAL, "Comparing it on the images that were kept out")


@dataclass(kw_only=True)
class _Fitting:
    """Says how far the fit is, from what it writes, and lets others go first once it can be taken up."""

    work: Work
    folder: Path
    done: int = 0
    note: str = "Preparing the images"

    def __post_init__(self) -> None:
        self.saved = self.begun = self._checkpoints()
        self.done = self.work.job.done if self.work.job.total else 0

    def __call__(self) -> None:
        saved = self._checkpoints()
        self._read()
        if saved > self.saved:
            self.saved = saved
            still_needed(self.folder)
            self.work.saved(self.done, TOTAL, self.note)
        else:
            self.work.progress(self.done, TOTAL, self.note)
        if saved > self.begun and self.work.turn_is_over and _others_wait(self.work):
            raise GiveWay

    def _checkpoints(self) -> int:
        """Lines that are written once the checkpoint of an epoch lies there whole."""
        try:
            return (self.folder / "run" / "epochs.jsonl").read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def _read(self) -> None:
        found = EPOCH.findall(tail(self.folder / "log"))
        if found:
            epoch, epochs, percent = (int(one) for one in found[-1])
            share = (epoch - 1 + percent / 100) / epochs
            self.done, self.note = max(self.done, int(share * FITTED)), f"Epoch {epoch} of at most {epochs}"


def _others_wait(work: Work) -> bool:
    """Another owner's job is ready. One's own later jobs would not have their turn first anyway."""
    ready = jobs.any_ready(now(), besides=work.job.owner_id)
    db.session.rollback()
    return ready
