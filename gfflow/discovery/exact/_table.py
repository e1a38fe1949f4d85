"""Many sparse integer polynomials as arrays."""

from collections.abc import Sequence
from math import lcm
from typing import NamedTuple, final

import numpy as np

from ..polynomials import Polynomial
from ._modular import PrimeField
from ._nilpotent import Nilpotent

BLOCK = 1 << 15
_NULL = 1e-9


class Terms(NamedTuple):
    """Terms of one degree d: coefficient · Π_k θ[entries[·, k]].

    **Fields:** `owner` int[N], the polynomial that a term is of; `coefficient` int64 or
    object[N]; `entries` int[N, d].
    """

    owner: np.ndarray
    coefficient: np.ndarray
    entries: np.ndarray


@final
class Table:
    """`count` polynomials with integer coefficients, their terms grouped by degree."""

    count: int
    terms: tuple[Terms, ...]

    def __init__(self, count: int, terms: Sequence[Terms]):
        self.count = count
        self.terms = tuple(group for group in terms if len(group.owner))

    @classmethod
    def of(cls, polynomials: Sequence[Polynomial]) -> "Table":
        """Each times the least common multiple of its denominators."""
        by_degree: dict[int, list] = {}
        for owner, polynomial in enumerate(polynomials):
            scale = lcm(*(c.denominator for c in polynomial.terms.values()))
            for monomial, coefficient in polynomial.terms.items():
                group = by_degree.setdefault(len(monomial), [])
                group.append((owner, int(coefficient * scale), monomial))
        terms = []
        for degree, group in sorted(by_degree.items()):
            owners, coefficients, monomials = zip(*group)
            entries = np.array(monomials, int).reshape(len(group), degree)
            large = max(map(abs, coefficients)) >= 2**31
            coefficients = np.array(coefficients, object if large else int)
            terms.append(Terms(np.array(owners), coefficients, entries))
        return cls(len(polynomials), terms)

    @property
    def size(self) -> int:
        """The number of terms."""
        return sum(len(group.owner) for group in self.terms)

    def take(self, polynomials: np.ndarray) -> "Table":
        """Some of the polynomials."""
        number = np.full(self.count, -1)
        number[polynomials] = np.arange(len(polynomials))
        terms = []
        for owner, coefficient, entries in self.terms:
            kept = number[owner] >= 0
            terms.append(Terms(number[owner[kept]], coefficient[kept], entries[kept]))
        return Table(len(polynomials), terms)

    def placed(self, place: np.ndarray) -> "Table":
        """With entry `place[i]` in the place of entry i."""
        terms = [t._replace(entries=place[t.entries]) for t in self.terms]
        return Table(self.count, terms)

    def less_moved(self, moved: np.ndarray) -> "Table":
        """Each polynomial less the same with the entry `moved[i]` in the place of i."""
        terms = [
            Terms(
                np.concatenate([owner, owner]),
                np.concatenate([coefficient, -coefficient]),
                np.concatenate([entries, moved[entries]]),
            )
            for owner, coefficient, entries in self.terms
        ]
        return Table(self.count, terms)

    def gradient(
        self, algebra: Nilpotent, theta: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """∇ Σ_i weights_i · polynomial_i at θ.

        **Arguments:**

        - `theta`: [algebra or 1, D, batch or 1].
        - `weights`: [algebra or 1, count, batch or 1].

        **Returns:** [algebra or 1, D, batch].
        """
        field = algebra.field
        batch = max(theta.shape[2], weights.shape[2])
        components = max(len(theta), len(weights))
        found = np.zeros((components, theta.shape[1], batch), np.uint64)
        rows = max(16, BLOCK // (components * batch))
        for owner, coefficient, entries in self.terms:
            if not entries.shape[1]:
                continue
            factor = field.elements(coefficient)[None, :, None]
            for start in range(0, len(owner), rows):
                block = slice(start, start + rows)
                weight = field.reduce(weights[:, owner[block]] * factor[:, block])
                _accumulate(found, algebra, theta, weight, entries[block])
        return field.reduce(found)

    def jacobian(self, field: PrimeField, theta: np.ndarray) -> np.ndarray:
        """∂ polynomial_i / ∂θ_j at θ [D]: [count, D]."""
        found = np.zeros((self.count, len(theta)), np.uint64)
        for owner, coefficient, entries in self.terms:
            for k in range(entries.shape[1]):
                part = field.elements(coefficient)
                for column in np.delete(entries, k, axis=1).T:
                    part = field.reduce(part * theta[column])
                np.add.at(found, (owner, entries[:, k]), part)
        return field.reduce(found)

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """The same at a point of real numbers, in float64."""
        found = np.zeros((self.count, len(theta)))
        for owner, coefficient, entries in self.terms:
            for k in range(entries.shape[1]):
                rest = theta[np.delete(entries, k, axis=1)]
                part = coefficient.astype(float) * np.prod(rest, axis=1)
                np.add.at(found, (owner, entries[:, k]), part)
        return found

    def scalings(self, size: int) -> np.ndarray:
        """Orthonormal s such that no monomial changes where each of `size` entries is
        multiplied by e^{t s_i}: `(n, size)`.

        The rows of powers of all monomials have the null space of their Gram matrix.
        """
        gram = np.zeros((size, size))
        for _, _, entries in self.terms:
            for first in entries.T:
                for second in entries.T:
                    np.add.at(gram, (first, second), 1.0)
        sizes, vectors = np.linalg.eigh(gram)
        return vectors[:, sizes <= _NULL * max(1.0, sizes[-1])].T


def _accumulate(found, algebra, theta, weight, entries) -> None:
    """Adds the derivatives of a block of terms by each of their factors in turn."""
    degree = entries.shape[1]
    factors = [theta[:, entries[:, k]] for k in range(degree)]
    before = [weight]
    for k in range(degree - 1):
        before.append(algebra.multiply(before[-1], factors[k]))
    after = None
    for k in reversed(range(degree)):
        part = before[k] if after is None else algebra.multiply(before[k], after)
        order = np.argsort(entries[:, k], kind="stable")
        targets, starts = np.unique(entries[order, k], return_index=True)
        part = np.broadcast_to(part, (len(part), len(order), found.shape[2]))
        found[: len(part), targets] += np.add.reduceat(part[:, order], starts, axis=1)
        if k:
            after = factors[k] if after is None else algebra.multiply(after, factors[k])
