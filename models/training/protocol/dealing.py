"""Which groups of a clinic's images teach, choose and test: whole groups, dealt at random, kept where they were."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from models.training.protocol.splits import ROLES, SHARES, Role


def deal(groups: Sequence[str], classes: Sequence[int], seed: int, known: Mapping[str, Role]) -> list[Role]:
    """A role per image: whole groups only, about 60, 15 and 25 % of the images of each stratum.

    A group's stratum is its commonest class. Where a stratum has three groups, every role gets one. A group that was
    dealt before (`known`) stays where it was.
    """
    strata = strata_of(groups, classes)
    sizes = Counter(groups)
    roles: dict[str, Role] = {}
    for stratum in sorted(set(strata.values())):
        mine = sorted(group for group in strata if strata[group] == stratum)
        random.Random(f"{seed}-{stratum}").shuffle(mine)  # noqa: S311  (a split is no secret)
        roles |= _deal(mine, sizes, known)
    return [roles[group] for group in groups]


def strata_of(groups: Sequence[str], classes: Sequence[int]) -> dict[str, int]:
    """The commonest class of each group, the first of equals."""
    counts: dict[str, Counter[int]] = {}
    for group, label in zip(groups, classes, strict=True):
        counts.setdefault(group, Counter())[label] += 1
    return {group: min(held, key=lambda label: (-held[label], label)) for group, held in counts.items()}


def _deal(shuffled: Sequence[str], sizes: Mapping[str, int], known: Mapping[str, Role]) -> dict[str, Role]:
    roles = {group: known[group] for group in shuffled if group in known}
    new = [group for group in shuffled if group not in roles]
    total = sum(sizes[group] for group in shuffled)
    for number, group in enumerate(new):
        dealt = {role: sum(sizes[one] for one, its in roles.items() if its == role) / total for role in ROLES}
        empty = [role for role in ROLES if role not in roles.values()]
        wanted = empty if len(new) - number <= len(empty) else ROLES
        roles[group] = max(wanted, key=lambda role: SHARES[role] - dealt[role])
    return roles
