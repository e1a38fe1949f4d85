"""The coefficients of ROCK2, as `_generator` made them."""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class RockTable(NamedTuple):
    """All degrees, the least first.

    **Attributes:**

    - `degrees`: s, shape `(n,)`.
    - `intervals`: l, stable for −l ≤ hλ ≤ 0, shape `(n,)`.
    - `amplification`: of the stages' round-off in the new state, shape `(n,)`.
    - `offsets`: where the rows of a degree begin, shape `(n,)`.
    - `rows`: shape `(rows, 8)`. Stage k of a degree, from k = 0 on, is
        `g_k = a y₀ + b g_{k−1} + c g_{k−2} + h (d f_{k−1} + e f₀)`; then its abscissa
        and the weights of f_k in the new state and in the error estimate.
    - `tails`: what the method needs after the recurrence, shape `(n, m)`.
    """

    degrees: NDArray[np.int64]
    intervals: NDArray[np.float64]
    amplification: NDArray[np.float64]
    offsets: NDArray[np.int64]
    rows: NDArray[np.float64]
    tails: NDArray[np.float64]

    @classmethod
    @functools.cache
    def stored(cls) -> "RockTable":
        """The table of ROCK2."""
        with np.load(Path(__file__).with_name("_rock_coefficients.npz")) as stored:
            return cls(*(stored[name] for name in cls._fields))

    def up_to(self, most: int) -> "RockTable":
        """Without the degrees above `most`."""
        count = int(np.sum(self.degrees <= most))
        end = [*self.offsets, len(self.rows)][count]
        return RockTable(
            self.degrees[:count],
            self.intervals[:count],
            self.amplification[:count],
            self.offsets[:count],
            self.rows[:end],
            self.tails[:count],
        )
