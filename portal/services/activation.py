"""Which version of a system is offered: chosen by hand, kept, and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.comparison import Comparison, load_comparison
from models.engine import Engine, ModelState, UnknownModel
from models.installed import ManifestError
from models.own_versions import Manifest
from models.own_versions import install as install_files
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit, offers
from portal.services.errors import NotActivated, NotFound
from portal.storage import active_models
from portal.storage.active_models import Active


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A version that was fine-tuned here, beside the one that is offered now."""

    spec: ModelSpec
    state: ModelState
    active: ModelSpec
    before: ModelSpec | None
    """What a roll back would offer again."""
    comparison: Comparison | None

    @property
    def is_active(self) -> bool:
        return (self.spec.key, self.spec.version) == (self.active.key, self.active.version)

    @property
    def may_be_promoted(self) -> bool:
        return self.state.ok and self.comparison is not None and not self.is_active


def activate(engine: Engine, actor: audit.Actor, key: str, version: str = "") -> ModelSpec:
    """Offer this version from now on, the published one unless another is named.

    Raises NotActivated unless its files are all as measured and, of a version that was fine-tuned here, a comparison
    says how it does. Stored answers stay with the version that gave them.
    """
    spec = _known(engine, key, version)
    if not spec.family and len(engine.versions(key)) == 1:
        raise NotActivated(f"{key} is the only one of its kind: it is always offered.")
    state = engine.state(key, spec.version)
    if not state.ok:
        raise NotActivated(state.problem)
    comparison = load_comparison(spec, engine.own_folder)
    if spec.own and comparison is None:
        raise NotActivated(f"{key} {spec.version} has not been compared with another version yet. Run "
                           f"python -m models.training compare {key} with the folder that it was fitted from.")
    family = offers.family_of(spec)
    before = active_models.choose(family, Active(key=key, version=spec.version if spec.own else ""), actor.user_id)
    audit.record(actor, "model.activate", f"model:{key}", family=family, before=before.key,
                 before_version=_version(engine, before), version=spec.version, weights_sha256=spec.weights_sha256,
                 **({"figures": comparison.summary} if comparison else {}))
    db.session.commit()
    return spec


def roll_back(engine: Engine, actor: audit.Actor, key: str) -> ModelSpec:
    """Offer again what was offered before the last change. Raises NotFound, or NotActivated as `activate` does."""
    before = find_before(engine, key)
    if before is None:
        raise NotActivated(f"Nothing else has been offered for {key} before.")
    return activate(engine, actor, before.key, before.version)


def find_before(engine: Engine, key: str) -> ModelSpec | None:
    """What was offered before the last change and could be again. Raises NotFound."""
    try:
        before = active_models.find_before(offers.family_of(engine.spec(key)))
        return engine.spec(before.key, before.version) if before else None
    except UnknownModel:
        if key in {spec.key for spec in engine.specs()}:
            return None
        raise NotFound from None


def find_candidate(engine: Engine, key: str, version: str) -> Candidate:
    """Raises NotFound for a version that is not here, or was not fine-tuned here."""
    try:
        spec = engine.spec(key, version)
    except UnknownModel:
        raise NotFound from None
    if spec.own is None:
        raise NotFound
    return Candidate(spec=spec, state=engine.state(key, version), active=_offered(engine, spec),
                     before=find_before(engine, key), comparison=load_comparison(spec, engine.own_folder))


def install(actor: audit.Actor, source: Path, folder: Path) -> str:
    """Bring in the version that a folder holds, every file checked; gives KEY@VERSION. Raises NotActivated."""
    manifest = bring_in(actor, source, folder)
    db.session.commit()
    return f"{manifest.key}@{manifest.version}"


def bring_in(actor: audit.Actor, source: Path, folder: Path) -> Manifest:
    """As `install`, but the caller commits."""
    try:
        manifest = install_files(source, folder)
    except ManifestError as problem:
        raise NotActivated(f"{problem}.") from problem
    except OSError as problem:
        raise NotActivated(f"The files cannot be copied: {problem.strerror}.") from problem
    audit.record(actor, "model.install", f"model:{manifest.key}", version=manifest.version, base=manifest.own.base,
                 weights_sha256=manifest.files["predict"].sha256 if "predict" in manifest.files else "")
    return manifest


def _known(engine: Engine, key: str, version: str) -> ModelSpec:
    keys = [spec.key for spec in engine.specs()]
    if key not in keys:
        raise NotActivated(f"There is no model {key!r}; choose from {', '.join(keys)}.")
    try:
        return engine.spec(key, version)
    except UnknownModel:
        names = ", ".join(one.version for one in engine.versions(key))
        raise NotActivated(f"There is no version {version!r} of {key} here; there is {names}.") from None


def _offered(engine: Engine, spec: ModelSpec) -> ModelSpec:
    """The version that is offered for the same task now."""
    family = offers.family_of(spec)
    return next((one for one in offers.list_offered(engine) if offers.family_of(one) == family), engine.spec(spec.key))


def _version(engine: Engine, chosen: Active) -> str:
    """The version by its name, also of the published one."""
    return chosen.version or engine.recorded_spec(chosen.key, "").version
