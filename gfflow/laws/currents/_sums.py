"""Sums of arrays along an axis, and entries, that no loss depends on."""

import numpy as np

from ._axes import Axis
from ._probes import Probes

_ZERO = 1e-9


def constant_sums(found: Probes) -> list[tuple[Axis, tuple[int, ...]]]:
    """Axes, and at which of the other indices the gradient adds up to nothing over
    them. Indices with no live entry are left out."""
    sums = []
    for axis in found.currents:
        if not axis.whole or axis.length == 1:
            continue
        dead = axis.rows(found.dead[axis.array])
        zero = ~np.all(dead, axis=0)
        for _, g in found.points:
            rows = axis.rows(g[axis.array])
            zero &= np.abs(rows.sum(axis=0)) <= _ZERO * np.abs(rows).sum(axis=0)
        if np.any(zero):
            sums.append((axis, tuple(np.flatnonzero(zero).tolist())))
    return sums


def dead_entries(found: Probes) -> list[tuple[Axis, tuple[int, ...]]]:
    """Arrays, each as one index, and which of their entries have no gradient."""
    arrays = [a for a in found.currents if a.length == 1 and a.array == a.other]
    flat = ((axis, np.flatnonzero(found.dead[axis.array])) for axis in arrays)
    return [(axis, tuple(which.tolist())) for axis, which in flat if len(which)]
