"""Known numbers, to the precision of pairs."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, final

import numpy as np


@final
class FixedPair(NamedTuple):
    """hi + lo, on the host.

    **Fields:** `hi`, `lo`: float64 arrays of one shape.
    """

    hi: np.ndarray
    lo: np.ndarray


def nearest(exact: Fraction | str) -> FixedPair:
    """An exact number, or decimal digits, to 106 bits; its shape is `()`."""
    exact = Fraction(exact)
    upper = float(exact)
    return FixedPair(np.array(upper), np.array(float(exact - Fraction(upper))))


def nearest_all(exact: Sequence[Fraction]) -> FixedPair:
    """Exact numbers to 106 bits each, of shape `(len(exact),)`."""
    found = [nearest(value) for value in exact]
    return FixedPair(np.array([c.hi for c in found]), np.array([c.lo for c in found]))
