"""Sums of arrays along an axis, and entries, that no loss depends on."""

import numpy as np

from ._matched import MatchedUnits
from ._probes import Probes
from ._units import Units

_ZERO = 1e-9


def constant_sums(found: Probes) -> list[MatchedUnits]:
    """Sums over an axis, at those of the other indices where the gradient adds up to
    nothing. Indices with no live entry are left out."""
    sums = []
    for array, shape in found.shapes.items():
        for axis, size in enumerate(shape):
            if size == 1:
                continue
            units = _entries(array, shape, over=axis)
            zero, seen = found.live(units), np.zeros(units.length, bool)
            for point in found.points:
                value, terms = (units.rows(t) for t in units.terms(*point))
                zero &= np.abs(value.sum(axis=1)) <= _ZERO * terms.sum(axis=1)
                seen |= terms.sum(axis=1) > 0
            sums += _at(units, zero & seen)
    return sums


def dead_entries(found: Probes) -> list[MatchedUnits]:
    """Entries that have no gradient."""
    dead = []
    for array, shape in found.shapes.items():
        units = _entries(array, shape)
        dead += _at(units, units.rows(found.dead[array])[:, 0])
    return dead


def _entries(array: str, shape: tuple[int, ...], over: int | None = None) -> Units:
    kept = (k for k in range(len(shape)) if k != over)
    return Units.of_axes(array, shape, kept, "sums")


def _at(units: Units, which: np.ndarray) -> list[MatchedUnits]:
    if not np.any(which):
        return []
    chosen = None if np.all(which) else tuple(np.flatnonzero(which).tolist())
    return [MatchedUnits((units._replace(chosen=chosen),), (1.0,), None)]
