"""Units that may be turned into each other: skew currents that add up to nothing."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ._matched import MatchedUnits
from ._probes import Probes
from ._units import Units

_ZERO, _MOST_UNITS, _POINTS = 1e-9, 1024, 8


def turning(found: Probes, families: Sequence[MatchedUnits]) -> list[MatchedUnits]:
    """Units of which pairs (i, j), true in `pairs`, turn.

    Under A ↦ e^{εS}A, S skew, of the units of several arrays the loss changes by
    ε Σ_A ⟨S, g_A Aᵀ⟩: not at all, where the skew part of Σ_A g_A Aᵀ is 0. The units are
    those of families with coefficients ±1, and those of their whole axes: rotary
    positions turn entries that have no rescaling of their own.
    """
    kept, seen = [], set()
    for family in families:
        if {abs(weight) for weight in family.coefficients} != {1.0}:
            continue
        for units in _widened(family):
            same = frozenset((u.array, u.factors, u.kept, u.chosen) for u in units)
            if same in seen:
                continue
            seen.add(same)
            pairs = _turn(found, units)
            if np.any(pairs):
                kept.append(MatchedUnits(units, (1.0,) * len(units), pairs))
    return kept


def _widened(family: MatchedUnits) -> Iterator[tuple[Units, ...]]:
    if any(units.kind != "squares" for units in family.units):
        return
    whole = tuple(map(_whole, family.units))
    for units in (whole, family.units):
        if len({u.length for u in units}) == 1 and 1 < units[0].length <= _MOST_UNITS:
            yield units


def _whole(units: Units) -> Units:
    """The indices of all axes that the units have a part of."""
    if units.chosen is not None:
        return units
    if units.axis is not None:
        return Units.along(units.array, units.shape, units.axis)
    return Units.of_axes(units.array, units.shape, units.axes)


def _turn(found: Probes, units: Sequence[Units]) -> np.ndarray:
    """Which pairs i < j."""
    length = units[0].length
    zero = np.triu(np.ones((length, length), bool), 1)
    seen = np.zeros_like(zero)
    cost = length * sum(math.prod(u.shape) for u in units)
    for x, g in found.points[: max(2, min(_POINTS, int(1e10 / cost)))]:
        total, size = np.zeros((length, length)), np.zeros((length, length))
        for u in units:
            left, right = u.rows(g[u.array]), u.rows(x[u.array])
            current, terms = left @ right.T, np.abs(left) @ np.abs(right).T
            total += current - current.T
            size += terms + terms.T
        zero &= np.abs(total) <= _ZERO * size
        seen |= size > 0
    return zero & seen
