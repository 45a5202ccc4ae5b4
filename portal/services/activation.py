"""Which member of a family of models is offered: chosen by hand, kept, and recorded."""

from __future__ import annotations

from models.engine import Engine
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotActivated
from portal.storage import active_models


def activate(engine: Engine, actor: audit.Actor, key: str) -> ModelSpec:
    """Offer this member of its family from now on. Raises NotActivated unless its files are all as measured.

    Stored answers stay with the version that gave them.
    """
    specs = {spec.key: spec for spec in engine.specs()}
    if key not in specs:
        raise NotActivated(f"There is no model {key!r}; choose from {', '.join(specs)}.")
    spec = specs[key]
    if not spec.family:
        raise NotActivated(f"{key} is the only one of its kind: it is always offered.")
    state = engine.state(key)
    if not state.ok:
        raise NotActivated(state.problem)
    before = active_models.choose(spec.family, key, actor.user_id) or spec.family
    audit.record(actor, "model.activate", f"model:{key}", family=spec.family, before=before, version=spec.version,
                 weights_sha256=spec.weights_sha256)
    db.session.commit()
    return spec
