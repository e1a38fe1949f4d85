"""What a solver has spent so far."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike


class Spent(NamedTuple):
    """Cumulative counts, scalars of JAX's default floating-point dtype.

    - `gradients`: evaluations of the vector field.
    - `hvps`: products of its Jacobian with a vector.
    - `sequential`: the longest chain of these that wait for one another.
    - `passes`: evaluations of the model on all samples without a derivative.
    """

    gradients: Array
    hvps: Array
    sequential: Array
    passes: Array

    @classmethod
    def zero(cls) -> "Spent":
        """Nothing yet."""
        nothing = jnp.zeros((), float)
        return cls(nothing, nothing, nothing, nothing)

    @classmethod
    def of_gradients(cls, count: int) -> "Spent":
        """So many gradients, one after another."""
        return cls.zero().plus(gradients=count, sequential=count)

    def plus(
        self,
        gradients: ArrayLike = 0,
        hvps: ArrayLike = 0,
        sequential: ArrayLike = 0,
        passes: ArrayLike = 0,
    ) -> "Spent":
        """With more of each added."""
        add = lambda a, b: a + jnp.asarray(b, a.dtype)
        return Spent(
            add(self.gradients, gradients),
            add(self.hvps, hvps),
            add(self.sequential, sequential),
            add(self.passes, passes),
        )
