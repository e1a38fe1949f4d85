"""Kinks that have changed their side in a step, and how that moves the flow."""

from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Changes(NamedTuple):
    """In the order in which they were found; times c are parts of the step.

    **Attributes:**

    - `number`: how many places are taken.
    - `at`: τ_j, when; infinite where there is none.
    - `entry`: which kink; −1 where there is none.
    - `jump`: δ_j, how the field changes, at that time.
    - `moments`: Σ_j δ_j τ_j^k for k = 0 to 3.
    - `latest`: the largest τ_j.
    """

    number: Array
    at: Float[Array, " K"]
    entry: Int[Array, " K"]
    jump: Float[Array, "K D"]
    moments: Float[Array, "4 D"]
    latest: Float[Array, ""]

    @classmethod
    def none(cls, room: int, size: int, dtype) -> Self:
        """None yet, and room for some."""
        return cls(
            jnp.asarray(0),
            jnp.full(room, jnp.inf, dtype),
            jnp.full(room, -1),
            jnp.zeros((room, size), dtype),
            jnp.zeros((4, size), dtype),
            jnp.full((), -jnp.inf, dtype),
        )

    def plus(self, at: Array, entry: Array, jump: Array) -> Self:
        """With one more."""
        place, powers = self.number, at ** jnp.arange(4, dtype=at.dtype)
        return type(self)(
            place + 1,
            self.at.at[place].set(at),
            self.entry.at[place].set(entry),
            self.jump.at[place].set(jump),
            self.moments + powers[:, None] * jump[None],
            jnp.maximum(self.latest, at),
        )

    def ramp(self, c: Array) -> Float[Array, " D"]:
        """Σ_j δ_j (c − τ_j)₊."""

        def each():
            return jnp.maximum(c - self.at, 0) @ self.jump

        after = lambda: c * self.moments[0] - self.moments[1]
        return jax.lax.cond(c >= self.latest, after, each)

    def cubic(self, c: Array) -> Float[Array, " D"]:
        """Σ_j δ_j (c − τ_j)₊³."""
        powers = jnp.stack([c**3, -3 * c**2, 3 * c, -jnp.ones_like(c)])
        after = lambda: powers @ self.moments
        each = lambda: jnp.maximum(c - self.at, 0) ** 3 @ self.jump
        return jax.lax.cond(c >= self.latest, after, each)

    def until(self, c: Array) -> Self:
        """Without those after c, whose places stay empty."""
        kept = (self.at <= c) & (self.entry >= 0)
        at, jump = jnp.where(kept, self.at, 0), jnp.where(kept[:, None], self.jump, 0)
        powers = at[None] ** jnp.arange(4, dtype=at.dtype)[:, None]
        return type(self)(
            self.number,
            jnp.where(kept, self.at, jnp.inf),
            jnp.where(kept, self.entry, -1),
            jump,
            powers @ jump,
            jnp.max(jnp.where(kept, self.at, -jnp.inf)),
        )
