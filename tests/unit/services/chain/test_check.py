"""Whatever somebody does to a trail without the key is found, and nothing is found where nobody did anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.services.chain import seals
from portal.services.chain.rows import Keys
from tests.unit.services.chain.made import KEYS, START, Trail, row, trail

OTHER = Keys(["other" * 10])


@st.composite
def trails(draw: st.DrawFn) -> Trail:
    """Ids with gaps, cut into stretches, the last events unsealed, some sealed late."""
    ids = sorted(draw(st.sets(st.integers(1, 60), min_size=4, max_size=25)))
    late = {one for one in ids if draw(st.integers(0, 9)) == 0}
    in_time = [one for one in ids if one not in late]
    assume(len(in_time) > 2)
    cuts = sorted(draw(st.sets(st.integers(1, len(in_time)), min_size=1, max_size=4)))
    stretches = [in_time[first:last] for first, last in zip([0, *cuts], cuts, strict=False)]
    end = stretches[-1][-1]
    taken = [one for one in late if one < end]
    return trail([*in_time, *taken], [*stretches, []] if taken else stretches,
                 [*([()] * len(stretches)), taken] if taken else ())


def sealed_ids(made: Trail) -> list[int]:
    return [event for seal in made.seals for event in (*seal.ids(), *seal.late)]


@given(made=trails())
def test_a_trail_that_nobody_touched_is_in_order(made: Trail) -> None:
    assert made.findings() == []


@given(made=trails(), data=st.data())
def test_a_changed_event_is_named(made: Trail, data: Any) -> None:
    victim = data.draw(st.sampled_from(made.rows))
    change = data.draw(st.sampled_from([
        {"at": victim.at + timedelta(microseconds=1)}, {"actor_id": 7}, {"address": "192.0.2.2"},
        {"action": "case.creatf"}, {"subject": victim.subject + "0"}, {"details": {"n": -1}}, {"details": {}}]))
    signed_anew = data.draw(st.booleans())
    changed = row(victim.id, OTHER, **{**vars(victim), **change, "mac": None}) if signed_anew else replace(
        victim, **change)
    found = Trail(rows=tuple(changed if one is victim else one for one in made.rows), seals=made.seals).findings()
    assert victim.id in {one.event for one in found}


@given(made=trails(), data=st.data())
def test_a_removed_event_is_named_once_it_is_sealed(made: Trail, data: Any) -> None:
    victim = data.draw(st.sampled_from(sealed_ids(made)))
    found = Trail(rows=tuple(one for one in made.rows if one.id != victim), seals=made.seals).findings()
    assert [(one.what, one.event) for one in found] == [("missing", victim)]


@given(made=trails(), data=st.data())
def test_an_inserted_event_is_named(made: Trail, data: Any) -> None:
    """Signed with another key, or a copy of a true event in a place that was sealed as empty."""
    free = [one for one in range(1, 65) if one not in {kept.id for kept in made.rows}]
    place, last = data.draw(st.sampled_from(free)), made.seals[-1].last_id
    copied = data.draw(st.booleans()) and place <= last
    forged = replace(data.draw(st.sampled_from(made.rows)), id=place) if copied else row(place, OTHER)
    found = Trail(rows=(*made.rows, forged), seals=made.seals).findings()
    assert place in {one.event for one in found}


@given(made=trails(), place=st.integers(-2**63, 0), how=st.sampled_from(["unsigned", "copied", "signed otherwise"]))
def test_an_event_under_a_number_that_the_portal_never_gives_is_named(made: Trail, place: int, how: str) -> None:
    """Unsigned rows may stand before signed ones, but only the portal's own: they are numbered from 1."""
    forged = {"unsigned": replace(row(1), id=place, mac=None), "copied": replace(made.rows[0], id=place),
              "signed otherwise": row(1, OTHER, id=place)}[how]
    found = Trail(rows=(*made.rows, forged), seals=made.seals).findings()
    assert [(one.what, one.event) for one in found if one.event == place] in (
        [("inserted", place)], [("moved", place)])


@given(made=trails(), data=st.data())
def test_events_that_changed_places_are_named(made: Trail, data: Any) -> None:
    ids = sealed_ids(made)
    assume(len(ids) > 1)
    one, two = data.draw(st.lists(st.sampled_from(ids), min_size=2, max_size=2, unique=True))
    swapped = tuple(replace(held, id={one: two, two: one}.get(held.id, held.id)) for held in made.rows)
    found = Trail(rows=swapped, seals=made.seals).findings()
    assert {one, two} <= {finding.event for finding in found}


@given(made=trails(), data=st.data())
def test_a_changed_or_removed_seal_is_named(made: Trail, data: Any) -> None:
    victim = data.draw(st.sampled_from(made.seals))
    change: dict[str, Any] | None = data.draw(st.sampled_from([
        {"digests": victim.digests[::-1] + b"x"}, {"sealed_at": victim.sealed_at + timedelta(days=1)},
        {"previous": "f" * 64}, {"hash": "e" * 64}, {"mac": victim.mac[:8] + "0" * 32}, None]))
    assume(change is not None or victim is not made.seals[-1])
    left = [one if one is not victim else replace(one, **(change or {})) for one in made.seals
            if change is not None or one is not victim]
    found = Trail(rows=made.rows, seals=tuple(left)).findings()
    assert victim.number in {one.seal for one in found}


@given(made=trails())
def test_a_chain_written_anew_without_the_key_is_found(made: Trail) -> None:
    """The hashes fit each other: only the signatures do not."""
    rows = tuple(row(one.id, OTHER) for one in made.rows[1:])
    forged = seals.make(None, sorted(rows, key=lambda one: one.id), [], START, OTHER.current)
    assert "unknown-key" in {one.what for one in Trail(rows=rows, seals=(forged,)).findings()}


def test_the_key_of_before_is_known_by_its_name() -> None:
    made = trail([1, 2, 3], [[1, 2]])
    assert [one.what for one in made.findings(OTHER)] == ["unknown-key"]
    assert made.findings(Keys(["other" * 10, "k" * 40])) == []


def test_an_event_from_before_there_were_signatures_may_only_stand_at_the_beginning() -> None:
    old = tuple(replace(row(number), mac=None) for number in (1, 2))
    seal = seals.make(None, old, [], START, KEYS.current)
    assert Trail(rows=(*old, row(3)), seals=(seal,)).findings() == []
    stripped = replace(row(4), mac=None)
    found = Trail(rows=(*old, row(3), stripped), seals=(seal,)).findings()
    assert [(one.what, one.event) for one in found] == [("unsigned", 4)]


def test_an_event_whose_transaction_lasted_may_appear_in_a_young_gap() -> None:
    made = trail([1, 3, 4], [[1, 3]])
    slow = Trail(rows=(*made.rows, row(2)), seals=made.seals)
    assert slow.findings(recent=1) == []
    assert [(one.what, one.event) for one in slow.findings(recent=2)] == [("inserted", 2)]
    forged = Trail(rows=(*made.rows, row(2, OTHER)), seals=made.seals)
    assert [one.event for one in forged.findings(recent=1)] == [2]


@settings(max_examples=50)
@given(made=trails(), data=st.data())
def test_any_mixture_of_acts_is_found(made: Trail, data: Any) -> None:
    held = {one.id: one for one in made.rows}
    for _ in range(data.draw(st.integers(1, 4))):
        act = data.draw(st.sampled_from(["change", "remove", "insert", "insert before"]))
        place = data.draw(st.sampled_from(sealed_ids(made)))
        if act == "remove":
            held.pop(place, None)
        elif act == "insert":
            held.setdefault(70 + place, row(70 + place, OTHER))
        elif act == "insert before":
            held.setdefault(1 - place, replace(row(1 - place), mac=None))
        elif place in held:
            held[place] = replace(held[place], details={"n": "forged"})
    assert Trail(rows=tuple(held.values()), seals=made.seals).findings()
