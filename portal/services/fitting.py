"""Asks for a system to be fine-tuned: which can be, what there is to learn from, and what the result is called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from string import ascii_lowercase

from models.engine import Engine
from models.spec import ModelSpec
from portal.services import audit
from portal.services.errors import FitRefused, NotFound
from portal.services.exports import training
from portal.services.exports.training import TrainingSet
from portal.services.jobs.kinds import fit
from portal.services.jobs.queue import Order
from portal.storage import jobs

NAME = re.compile(r"[0-9a-z]{1,16}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class FitOffer:
    """A system that can be fine-tuned here, by one administrator."""

    spec: ModelSpec
    learns_from: TrainingSet
    bases: tuple[ModelSpec, ...]
    """The versions that it may start from, the published one first."""
    taken: frozenset[str]
    """Names of versions that there are."""
    job_id: int | None
    """The job that fine-tunes it already."""

    def version(self, name: str) -> str:
        return f"{self.spec.version}.own-{name}"

    def free_name(self, day: datetime) -> str:
        """The day, with a letter when there is a version of that name."""
        names: Iterator[str] = (f"{day:%Y%m%d}{letter}" for letter in ("", *ascii_lowercase[1:]))
        return next((name for name in names if self.version(name) not in self.taken), "")


def list_keys(engine: Engine) -> frozenset[str]:
    """The systems whose training sets `fit` reads."""
    return frozenset(one.spec.key for one in training.list_systems(engine))


def find_offer(engine: Engine, key: str, user_id: int, role: str) -> FitOffer:
    """Raises NotFound for a system that is not here or does not learn from a clinic's own images."""
    system = training.find_system(engine, key)
    if key not in list_keys(engine):
        raise NotFound
    versions = engine.versions(key)
    return FitOffer(spec=engine.spec(key), learns_from=training.count_set(system, training.reader_of(user_id, role)),
                    bases=tuple(one for one in versions if engine.state(key, one.version).ok),
                    taken=frozenset(one.version for one in versions),
                    job_id=next((job.id for job in jobs.list_open_of_kind(fit.NAME) if job.params["key"] == key), None))


def order(actor: audit.Actor, offer: FitOffer, name: str, base: str, everyone: bool) -> Order:
    """The order for a new version from `base`, recorded by the caller's commit. Raises FitRefused."""
    spec = offer.spec
    if not NAME.fullmatch(name):
        raise FitRefused("A name has 1 to 16 small letters and digits.")
    if offer.version(name) in offer.taken:
        raise FitRefused(f"There is a version {offer.version(name)} already. Choose another name.")
    if offer.job_id is not None:
        raise FitRefused(f"Job {offer.job_id} fine-tunes this system already. Ask again when it is done.")
    own = {one.version for one in offer.bases if one.own}
    if base != spec.version and base not in own:
        raise FitRefused("Choose one of the versions to start from.")
    audit.record(actor, "model.fit", f"model:{spec.key}", version=offer.version(name), base=base,
                 cases="all" if everyone else "own")
    return Order(kind=fit.NAME, title=f"Fine-tune {spec.title}: version {offer.version(name)}",
                 params={"key": spec.key, "name": name, "base": base if base in own else ""})
