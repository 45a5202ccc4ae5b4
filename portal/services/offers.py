"""Which systems there are to choose from: installed, and of a family the member that was chosen."""

from __future__ import annotations

from dataclasses import dataclass

from models.card import Card, load_card
from models.engine import Engine, ModelState
from models.spec import ModelSpec
from portal.storage.active_models import list_active_models

INSTALLED, CHOSEN, ABSENT = "installed", "offered", "not installed"


@dataclass(frozen=True, kw_only=True)
class CatalogueRow:
    """A system as the catalogue lists it: `measured` is its card's headline with its interval."""

    spec: ModelSpec
    state: str
    measured: str
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class StateRow:
    """Whether a system's files are whole, whether it is the one offered, and whether it could be."""

    spec: ModelSpec
    state: ModelState
    offered: bool

    @property
    def may_be_offered(self) -> bool:
        return bool(self.spec.family) and self.state.ok and not self.offered


def list_offered(engine: Engine, chosen: dict[str, str] | None = None) -> list[ModelSpec]:
    """What the upload form offers, those with scores that mean something first; `chosen` by family, else as kept."""
    chosen = list_active_models() if chosen is None else chosen
    offered: dict[str, ModelSpec] = {}
    for spec in engine.specs():
        family = spec.family or spec.key
        if engine.bytes_on_disk(spec.key) is not None:
            offered[family] = max((spec, offered.get(family, spec)), key=lambda one: _rank(one, chosen))
    return sorted(offered.values(), key=lambda spec: (bool(spec.demonstration), spec.title))


def list_catalogue(engine: Engine, offered: list[ModelSpec]) -> list[CatalogueRow]:
    """Every system, the members of a family together, with what its card measured."""
    rows = []
    for spec in sorted(engine.specs(), key=lambda one: (one.family or one.key, one.family != one.key, one.key)):
        taken = engine.bytes_on_disk(spec.key)
        state = ABSENT if taken is None else CHOSEN if spec in offered else INSTALLED
        rows.append(CatalogueRow(spec=spec, state=state, measured=_headline(load_card(spec)), bytes=taken))
    return rows


def list_states(engine: Engine) -> list[StateRow]:
    """Reads every file again."""
    offered = list_offered(engine)
    return [StateRow(spec=engine.spec(state.key), state=state, offered=engine.spec(state.key) in offered)
            for state in engine.verify()]


def _rank(spec: ModelSpec, chosen: dict[str, str]) -> tuple[bool, bool]:
    """The chosen member before the one that the family is named after, before any other."""
    return chosen.get(spec.family) == spec.key, spec.family in ("", spec.key)


def _headline(card: Card) -> str:
    figure = card.headline
    if figure is None:
        return ""
    return f"{figure.name} {figure.value}" + (f" ({figure.interval})" if figure.interval else "")
