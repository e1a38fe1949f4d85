"""Whether the field is smooth where a solver is."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._constants import (
    KINK_FACTOR,
    KINK_FADE,
    KINK_SHORTER,
    KINKS_FEW,
    KINKS_MANY,
)


class Kinks(NamedTuple):
    """- `step`, `error`: of the last accepted step, the error in units of tolerance.
    - `score`: kinks crossed of late, each fading by 8 % a step.

    On a smooth field a step that is shorter by a factor r has an error smaller by rᵏ.
    A step that was cut short by rejections, and whose error is yet 30 times what the
    last one lets expect, has crossed a kink: there the error falls no faster than r.
    """

    step: Float[Array, ""]
    error: Float[Array, ""]
    score: Float[Array, ""]

    @classmethod
    def none(cls, dtype) -> "Kinks":
        """Before the first step."""
        zero = jnp.zeros((), dtype)
        return cls(zero, zero, zero)

    def after(self, step: Array, error: Array, order: float) -> "Kinks":
        """After an accepted step of this size and error."""
        dtype = self.score.dtype
        step, error = step.astype(dtype), error.astype(dtype)
        shrunk = step / jnp.where(self.step > 0, self.step, 1)
        expected = jnp.maximum(self.error, 1e-3) * shrunk**order
        shortened = (self.step > 0) & (shrunk < KINK_SHORTER)
        crossed = shortened & (error > KINK_FACTOR * expected)
        return Kinks(step, error, KINK_FADE * self.score + jnp.where(crossed, 1, 0))

    def many(self, already: Array) -> Bool[Array, ""]:
        """Whether kinks decide the steps; `already` whether they did."""
        return self.score > jnp.where(already, KINKS_FEW, KINKS_MANY)
