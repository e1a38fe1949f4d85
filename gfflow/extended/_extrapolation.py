"""One step of the Gragg–Bulirsch–Stoer method in double-double arithmetic.

All columns advance together: the field is evaluated at one state of each, and stands in
a program once.
"""

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import cast

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ..double_double import Pair, pairs
from ..double_double.pairs import FixedPair, exactly, nearest_all

COLUMNS = 12
ORDER = 2 * COLUMNS
"""Of a step; of the column that it is compared with, two less."""

_SUBSTEPS = np.array([2 * (k + 1) for k in range(COLUMNS)])

Field = Callable[[Pair, Pair], Pair]


def extrapolated(
    field: Field, t: Pair, y: Pair, h: Pair
) -> tuple[Pair, Float[Array, " D"]]:
    """The state after a step, and how far two orders of it are apart.

    Gragg's smoothed midpoint rule in 2, 4, …, 24 substeps, from y on, is extrapolated
    to substeps of zero by Aitken and Neville's polynomial in h² (Hairer, Nørsett &
    Wanner 1993, II.9), whose weights are rational. Rounding is amplified by the sum of
    their sizes, 2.6e3, relative to the increment.

    **Arguments:**

    - `field`: times `(12,)`, states `(12, D)` to slopes `(12, D)`.
    - `t`, `h`: shape `()`; `y`: shape `(D,)`.
    """
    size = y.shape[0]
    columns = lambda x: Pair(*(jnp.broadcast_to(p, (COLUMNS, *p.shape)) for p in x))
    start, origin = columns(y), columns(t)
    count = jnp.asarray(_SUBSTEPS, jnp.float64)
    substep = pairs.divide(columns(h), exactly(count))
    wide = Pair(*(jnp.broadcast_to(p[:, None], (COLUMNS, size)) for p in substep))
    nothing = exactly(jnp.zeros((COLUMNS, size)))

    def one(index, carry):
        before, here, kept = carry
        number = exactly(jnp.full(COLUMNS, index, jnp.float64))
        when = pairs.add(origin, pairs.multiply(substep, number))
        change = pairs.multiply(wide, field(when, pairs.add(start, here)))
        twice = pairs.select(index == 0, change, pairs.scaled(change, 2.0))
        ended = pairs.add(pairs.add(before, here), change)
        last = (index == count)[:, None]
        kept = pairs.select(last, pairs.scaled(ended, 0.5), kept)
        return here, pairs.add(before, twice), kept

    rows = lax.fori_loop(0, int(_SUBSTEPS[-1]) + 1, one, (nothing, nothing, nothing))
    increments = cast(tuple[Pair, ...], rows)[2]
    best = _weighted(_weights(0), increments)
    other = _weighted(_weights(1), Pair(*(part[1:] for part in increments)))
    return pairs.add(y, best), pairs.subtract(best, other).hi


def _weights(first: int) -> FixedPair:
    """Of the columns from `first` on: T = Σ_j T_j Π_{i≠j} n_j²/(n_j² − n_i²)."""
    squares = [Fraction(int(n)) ** 2 for n in _SUBSTEPS[first:]]
    return nearest_all(
        [prod(n / (n - m) for m in squares if m != n) for n in squares]  # pyright: ignore[reportArgumentType]
    )


def _weighted(weights: FixedPair, rows: Pair) -> Pair:
    wide = Pair(
        *(jnp.broadcast_to(jnp.asarray(w)[:, None], rows.shape) for w in weights)
    )
    return pairs.sum_of_products(wide, rows, (0,))
