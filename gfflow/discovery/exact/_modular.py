"""Arithmetic over a prime field GF(p), p < 2³¹, on uint64 arrays."""

from fractions import Fraction
from math import isqrt
from typing import NamedTuple

import numpy as np
from flint import nmod_mat

PRIMES = (2**31 - 1, 2**31 - 19)
ACCUMULATED = 4


class PrimeField(NamedTuple):
    """GF(p). An element is a uint64 in [0, p); four products fit one uint64."""

    prime: int

    def reduce(self, x: np.ndarray) -> np.ndarray:
        """x mod p, in place. A vectorised quotient is faster than a remainder."""
        prime = np.uint64(self.prime)
        quotient = x // prime
        quotient *= prime
        x -= quotient
        return x

    def subtract(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.reduce(x + (np.uint64(self.prime) - y))

    def elements(self, integers) -> np.ndarray:
        """Of any integers, exactly."""
        return np.asarray(np.asarray(integers) % self.prime, np.uint64)

    def random(self, rng: np.random.Generator, shape) -> np.ndarray:
        """Uniform on [1, p)."""
        return rng.integers(1, self.prime, shape, dtype=np.uint64)

    def matmul(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """x @ y through float64: 2¹⁵ · 2³¹ · 128 ≤ 2⁵³, so 128 terms are exact."""
        total = np.zeros((*x.shape[:-1], y.shape[-1]), np.uint64)
        for start in range(0, x.shape[-1], 128):
            left, right = x[..., start : start + 128], y[start : start + 128]
            right = right.astype(float)
            high = (left >> np.uint64(16)).astype(float) @ right
            low = (left & np.uint64(0xFFFF)).astype(float) @ right
            high = self.reduce(high.astype(np.uint64)) << np.uint64(16)
            total += self.reduce(high + low.astype(np.uint64))
        return self.reduce(total)

    def matrix(self, rows: np.ndarray) -> nmod_mat:
        """In FLINT."""
        height, width = rows.shape
        return nmod_mat(height, width, rows.ravel().tolist(), self.prime)

    def rank(self, rows: np.ndarray) -> int:
        return self.matrix(rows).rank() if rows.size else 0

    def basis(self, rows: np.ndarray) -> np.ndarray:
        """The nonzero rows of the reduced echelon form."""
        if not rows.size:
            return rows[:0]
        reduced, rank = self.matrix(rows).rref()
        entries = np.array([int(x) for x in reduced.entries()[: rank * rows.shape[1]]])
        return entries.astype(np.uint64).reshape(rank, rows.shape[1])

    def independent(self, rows: np.ndarray) -> list[int]:
        """The rows that are not in the span of those before them."""
        if not rows.size:
            return []
        echelon = self.basis(np.ascontiguousarray(rows.T))
        return [int(np.flatnonzero(row)[0]) for row in echelon]

    def kernel(self, rows: np.ndarray) -> np.ndarray:
        """{x : rows·x = 0}: a basis in reduced echelon form, one a row.

        **Proof.** With the echelon form x_pivot = −Σ a_free x_free, one vector for each
        free column; read from the last column to the first, it is reduced.
        """
        width = rows.shape[1]
        echelon = self.basis(rows[:, ::-1])[:, ::-1]
        pivots = [int(np.flatnonzero(row)[-1]) for row in echelon]
        free = np.setdiff1d(np.arange(width), pivots)
        found = np.zeros((len(free), width), np.uint64)
        found[np.arange(len(free)), free] = 1
        if pivots:
            negated = (np.uint64(self.prime) - echelon[:, free]) % np.uint64(self.prime)
            found[:, pivots] = negated.T
        return found

    def rational(self, element: int) -> Fraction | None:
        """n/d = element, |n| and |d| ≤ √(p/2), unique (Wang 1981); `None` if none."""
        bound = isqrt(self.prime // 2)
        before, after, s, t = self.prime, int(element), 0, 1
        while after > bound:
            quotient = before // after
            before, after = after, before - quotient * after
            s, t = t, s - quotient * t
        return Fraction(after, t) if t and abs(t) <= bound else None
