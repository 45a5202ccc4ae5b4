"""Which systems there are to choose from: installed, and of a family the member and the version that was chosen."""

from __future__ import annotations

from dataclasses import dataclass

from models.card import load_card
from models.comparison import load_comparison
from models.engine import Engine, ModelState, UnknownModel
from models.spec import ModelSpec
from portal.storage.active_models import Active, list_active_models

INSTALLED, CHOSEN, ABSENT = "installed", "offered", "not installed"


@dataclass(frozen=True, kw_only=True)
class CatalogueRow:
    """A version as the catalogue lists it: `measured` is its card's headline with its interval."""

    spec: ModelSpec
    state: str
    measured: str
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class StateRow:
    """Whether a version's files are whole, whether it is the one offered, and whether it could be."""

    spec: ModelSpec
    state: ModelState
    offered: bool
    alone: bool
    """There is no other to be offered instead of it."""

    @property
    def may_be_offered(self) -> bool:
        return self.state.ok and not self.offered and not self.alone


def family_of(spec: ModelSpec) -> str:
    """The name under which a choice is kept; a system without relatives is a family of its own."""
    return spec.family or spec.key


def list_offered(engine: Engine, chosen: dict[str, Active] | None = None) -> list[ModelSpec]:
    """What the upload form offers, those with scores that mean something first; `chosen` by family, else as kept."""
    chosen = list_active_models() if chosen is None else chosen
    offered: dict[str, ModelSpec] = {}
    for published in engine.specs():
        family, spec = family_of(published), _version_of(engine, published, chosen)
        if engine.bytes_on_disk(spec.key, spec.version) is not None:
            offered[family] = max((spec, offered.get(family, spec)), key=lambda one: _rank(one, chosen))
    return sorted(offered.values(), key=lambda spec: (bool(spec.demonstration), spec.title))


def active_spec(engine: Engine, key: str, chosen: dict[str, Active] | None = None) -> ModelSpec:
    """The version of this system that reads images now. Raises UnknownModel.

    Asked for every image: the choice is common to all processes of the portal and may change at any moment.
    """
    return _version_of(engine, engine.spec(key), list_active_models() if chosen is None else chosen)


def _version_of(engine: Engine, published: ModelSpec, chosen: dict[str, Active]) -> ModelSpec:
    """The chosen version, or the published one where none was chosen or its files are gone."""
    active = chosen.get(family_of(published))
    if active is None or active.key != published.key or not active.version:
        return published
    try:
        spec = engine.spec(active.key, active.version)
    except UnknownModel:
        return published
    return spec if engine.bytes_on_disk(spec.key, spec.version) is not None else published


def list_catalogue(engine: Engine, offered: list[ModelSpec]) -> list[CatalogueRow]:
    """Every version of every system, the members of a family together, with what its card measured."""
    rows = []
    for published in sorted(engine.specs(), key=lambda one: (family_of(one), one.family != one.key, one.key)):
        for spec in engine.versions(published.key):
            taken = engine.bytes_on_disk(spec.key, spec.version)
            state = ABSENT if taken is None else CHOSEN if spec in offered else INSTALLED
            rows.append(CatalogueRow(spec=spec, state=state, measured=_headline(engine, spec), bytes=taken))
    return rows


def list_states(engine: Engine) -> list[StateRow]:
    """Reads every file again."""
    offered = {(spec.key, spec.version) for spec in list_offered(engine)}
    rows = []
    for state in engine.verify():
        spec = engine.recorded_spec(state.key, state.version)
        rows.append(StateRow(spec=spec, state=state, offered=(spec.key, spec.version) in offered,
                             alone=not spec.family and len(engine.versions(spec.key)) == 1))
    return rows


def _rank(spec: ModelSpec, chosen: dict[str, Active]) -> tuple[bool, bool]:
    """The chosen member before the one that the family is named after, before any other."""
    active = chosen.get(family_of(spec))
    return active is not None and active.key == spec.key, spec.family in ("", spec.key)


def _headline(engine: Engine, spec: ModelSpec) -> str:
    """The first figure of the version's card, or of the comparison of one that was fine-tuned here."""
    if spec.own:
        comparison = load_comparison(spec, engine.own_folder)
        return comparison.headline if comparison else ""
    figure = load_card(spec).headline
    if figure is None:
        return ""
    return f"{figure.name} {figure.value}" + (f" ({figure.interval})" if figure.interval else "")
