"""Nilpotent algebras over GF(p): derivatives of any order, exactly."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ._modular import ACCUMULATED, PrimeField


class Nilpotent(NamedTuple):
    """GF(p)[ε_1, …, ε_k, t] / (ε_i², t^order).

    An element has the components along the leading axis: that of Π_{i ∈ S} ε_i · t^j is
    number (Σ_{i ∈ S} 2^{i−1}) · order + j. An axis of length 1 is a constant.
    """

    field: PrimeField
    duals: int = 0
    order: int = 1

    @property
    def size(self) -> int:
        return 2**self.duals * self.order

    def multiply(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if len(x) == 1 or len(y) == 1:
            return self.field.reduce(x * y)
        shape = np.broadcast_shapes(x.shape[1:], y.shape[1:])
        found = np.empty((self.size, *shape), np.uint64)
        product = np.empty(shape, np.uint64)
        for component, pairs in enumerate(_pairs(self.duals, self.order)):
            total = found[component]
            np.multiply(x[pairs[0][0]], y[pairs[0][1]], out=total)
            gathered = 1
            for left, right in pairs[1:]:
                if gathered == ACCUMULATED:
                    self.field.reduce(total)
                    gathered = 1
                np.multiply(x[left], y[right], out=product)
                total += product
                gathered += 1
            self.field.reduce(total)
        return found

    def series(self, coefficients: np.ndarray) -> np.ndarray:
        """Σ_j coefficients[j] t^j, cut off at the order."""
        found = np.zeros((self.size, *coefficients.shape[1:]), np.uint64)
        found[: self.order] = coefficients[: self.order]
        return found

    def dual(self) -> "Nilpotent":
        """With one ε more."""
        return self._replace(duals=self.duals + 1)


@lru_cache(maxsize=64)
def _pairs(duals: int, order: int) -> list[list[tuple[int, int]]]:
    """The pairs of components whose product is each component."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(2**duals * order)]
    for left in range(2**duals):
        for right in range(2**duals):
            if not left & right:
                for i in range(order):
                    for j in range(order - i):
                        place = (left | right) * order + i + j
                        found[place].append((left * order + i, right * order + j))
    return found
