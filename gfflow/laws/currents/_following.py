"""Whether laws follow from others, in models of many parameters."""

from collections.abc import Sequence
from typing import final

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsmr

from ._matched import MatchedUnits
from ._units import Units

_LEFT, _ITERATIONS = 1e-7, 200


def follows(
    family: MatchedUnits, known: Sequence[MatchedUnits], x: dict[str, np.ndarray]
) -> bool:
    """Whether the gradient at x of a random combination of the diagonal is one of
    gradients of the diagonals that are known, by least squares."""
    near = _connected(known, family.arrays)
    if not near:
        return False
    arrays = sorted(family.arrays.union(*(one.arrays for one in near)))
    x = {path: x[path] for path in arrays}
    random = np.random.default_rng(0)
    wanted = _combined([family], random.standard_normal(family.length), x)
    operator = _Combinations(near, x)
    found = lsmr(operator, wanted, atol=1e-10, btol=1e-10, maxiter=_ITERATIONS)[0]
    left = np.linalg.norm(wanted - _combined(near, found, x))
    return bool(left <= _LEFT * np.linalg.norm(wanted))


def gradient_of(units: Units, x: dict[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    """Half the derivative of what is added up over units, by each array."""
    found = [(units.array, units.partner(x))]
    if units.kind == "products":
        found.append((units.other, x[units.array]))
    return found


@final
class _Combinations(LinearOperator):
    """Weights of components → the gradient of what they make."""

    def __init__(self, families: Sequence[MatchedUnits], x: dict[str, np.ndarray]):
        self._families, self._at = families, x
        size = sum(part.size for part in x.values())
        super().__init__(float, (size, sum(one.length for one in families)))

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return _combined(self._families, np.ravel(x), self._at)

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        ends = np.cumsum([part.size for part in self._at.values()])[:-1]
        parts = zip(self._at.items(), np.split(np.ravel(x), ends), strict=True)
        of = {path: part.reshape(like.shape) for (path, like), part in parts}
        sums = []
        for one in self._families:
            total = np.zeros(one.length)
            for units, weight in zip(one.units, one.coefficients, strict=True):
                for path, beside in gradient_of(units, self._at):
                    total += weight * units.rows(of[path] * beside).sum(axis=1)
            sums.append(total)
        return np.concatenate(sums)


def _combined(
    families: Sequence[MatchedUnits], weights: np.ndarray, x: dict[str, np.ndarray]
) -> np.ndarray:
    total = {path: np.zeros(part.shape) for path, part in x.items()}
    ends = np.cumsum([one.length for one in families])[:-1]
    for one, of in zip(families, np.split(weights, ends), strict=True):
        for units, weight in zip(one.units, one.coefficients, strict=True):
            for path, beside in gradient_of(units, x):
                total[path] += weight * units.spread(of) * beside
    return np.concatenate([np.ravel(part) for part in total.values()])


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
