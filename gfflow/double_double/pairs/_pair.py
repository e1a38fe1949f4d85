"""Double-double numbers: unevaluated sums of two float64 arrays."""

from typing import NamedTuple, final

import numpy as np
from jaxtyping import Array, Float


@final
class Pair(NamedTuple):
    """The number hi + lo, to about 32 digits: |lo| ≤ ulp(hi)/2 (Dekker 1971).

    **Fields:** `hi`, `lo`: float64 arrays of one shape.
    """

    hi: Float[Array, "..."]
    lo: Float[Array, "..."]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of both parts."""
        return np.shape(self.hi)
