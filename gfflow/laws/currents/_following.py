"""Whether laws follow from others, in models of many parameters."""

from collections.abc import Sequence
from typing import final

import numpy as np
from scipy.sparse import csr_array, hstack
from scipy.sparse.linalg import lsmr

from ._matched import MatchedUnits

_LEFT, _ITERATIONS = 1e-7, 400
# Entries of an array that are looked at, for each index of its axes.
_ENTRIES = 40


@final
class Diagonals:
    """Gradients at x of the diagonals of families, at some entries of each array.

    The coefficient of each square, product or entry in a law is a number of its unit.
    Whether one law is a sum of others is an equation for every entry between as many
    unknowns as there are units; so many random entries connect all of them.
    """

    def __init__(self, x: dict[str, np.ndarray]):
        random = np.random.default_rng(0)
        self._x, self._at = x, {}
        for path, part in x.items():
            count = min(part.size, _ENTRIES * sum(part.shape))
            every = count == part.size
            chosen = random.choice(part.size, count, replace=False)
            self._at[path] = np.arange(count) if every else np.sort(chosen)
        sizes = [len(at) for at in self._at.values()]
        self._starts = dict(zip(x, np.cumsum([0, *sizes])))
        self._size = sum(sizes)
        self._made: dict[tuple, csr_array] = {}

    def follows(self, family: MatchedUnits, known: Sequence[MatchedUnits]) -> bool:
        """Whether a random combination of the diagonal is one of diagonals that are
        known, by least squares."""
        near = _connected(known, family.arrays)
        if not near:
            return False
        random = np.random.default_rng(0)
        wanted = self._of(family) @ random.standard_normal(family.length)
        matrix = csr_array(hstack([self._of(one) for one in near]))
        found = lsmr(matrix, wanted, atol=1e-10, btol=1e-10, maxiter=_ITERATIONS)[0]
        left = np.linalg.norm(wanted - matrix @ found)
        return bool(left <= _LEFT * np.linalg.norm(wanted))

    def _of(self, family: MatchedUnits) -> csr_array:
        """A column for each component."""
        key = family.units, family.coefficients
        if key not in self._made:
            rows, columns, values = [], [], []
            for units, weight in zip(family.units, family.coefficients, strict=True):
                number = np.ravel(units.spread(np.arange(1.0, units.length + 1)))
                for path, beside in units.slopes(self._x):
                    at = self._at[path]
                    of = number[at].astype(int) - 1
                    inside = of >= 0
                    rows.append(self._starts[path] + np.flatnonzero(inside))
                    columns.append(of[inside])
                    values.append(weight * np.ravel(beside)[at][inside])
            place = np.concatenate(rows), np.concatenate(columns)
            shape = self._size, family.length
            self._made[key] = csr_array((np.concatenate(values), place), shape)
        return self._made[key]


def _connected(
    known: Sequence[MatchedUnits], arrays: frozenset[str]
) -> list[MatchedUnits]:
    """Those that share an array with these, or with one that does, and so on."""
    found: list[MatchedUnits] = []
    left = list(known)
    while True:
        more = [family for family in left if family.arrays & arrays]
        if not more:
            return found
        found += more
        left = [family for family in left if not family.arrays & arrays]
        arrays = arrays.union(*(family.arrays for family in more))
