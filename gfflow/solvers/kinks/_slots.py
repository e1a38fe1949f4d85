"""Kinks that are looked at one by one."""

from typing import NamedTuple, Self

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Slots(NamedTuple):
    """Kinks that are looked at one by one.

    - `entry`: which they are, in the order of the flat vector of all; −1 for none.
    - `sliding`: whether the flow is held at the kink.
    - `gate`: of each.
    """

    entry: Int[Array, " C"]
    sliding: Bool[Array, " C"]
    gate: Float[Array, " C"]

    @classmethod
    def none(cls, count: int, dtype) -> Self:
        """All empty."""
        empty = jnp.full(count, -1)
        return cls(empty, jnp.zeros(count, bool), jnp.zeros(count, dtype))

    @property
    def taken(self) -> Bool[Array, " C"]:
        """Which are not empty."""
        return self.entry >= 0

    @property
    def last(self) -> Array:
        """After this many all are empty."""
        count = self.entry.shape[0]
        return jnp.max(jnp.where(self.taken, jnp.arange(1, count + 1), 0))

    @property
    def held(self) -> "Slots":
        """Those that slide alone, in front."""
        entry = jnp.where(self.sliding, self.entry, -1)
        order = jnp.argsort(~self.sliding)
        return Slots(entry[order], self.sliding[order], self.gate[order])


class MarginRates(NamedTuple):
    """Of the margin of each slot: z, z' = ∇z·θ', |∇z||θ'|, and ∇z."""

    z: Float[Array, " C"]
    rate: Float[Array, " C"]
    size: Float[Array, " C"]
    slopes: Float[Array, "C P"]
