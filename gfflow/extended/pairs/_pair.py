"""Double-double numbers: unevaluated sums of two float64 arrays."""

from fractions import Fraction
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Array, Float


@final
class Pair(NamedTuple):
    """The number hi + lo, to about 32 digits: |lo| ≤ ulp(hi)/2 (Dekker 1971).

    **Fields:** `hi`, `lo`: float64 arrays of one shape.
    """

    hi: Float[Array, "..."] | np.ndarray
    lo: Float[Array, "..."] | np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of both parts."""
        return np.shape(self.hi)


def nearest(value: Fraction | int | str) -> Pair:
    """The pair nearest to an exact number, its parts NumPy scalars.

    **Arguments:**

    - `value`: a fraction, or decimal digits.
    """
    exact = Fraction(value)
    hi = float(exact)
    return Pair(np.float64(hi), np.float64(float(exact - Fraction(hi))))


def nearest_all(values: list[Fraction]) -> Pair:
    """The pairs nearest to exact numbers, as arrays of shape `(len(values),)`."""
    pairs = [nearest(value) for value in values]
    return Pair(np.array([p.hi for p in pairs]), np.array([p.lo for p in pairs]))
