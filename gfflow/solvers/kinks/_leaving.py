"""Where a flow leaves a kink that it slides along."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._slots import Slots

# A gate has left [0, 1] when it is so far outside.
_OUTSIDE = 1e-9
_HALVINGS = 20


def leaving(
    gates: Callable[[Array], Slots], slots: Slots, most: Float[Array, ""]
) -> tuple[Float[Array, ""], Array]:
    """The part of the step, of 0 to `most`, at which a gate of what slides leaves
    [0, 1], and how many gradients it took; 2 if none does.

    There the field is continuous: a time that is late by ε changes the state by O(ε²),
    so that a part of 2⁻²⁰ of a step is enough.

    **Arguments:**

    - `gates`: the slots at a part of the step, for one gradient.
    """

    def outside(c):
        slack = jnp.abs(gates(c).gate - 0.5) - 0.5
        return jnp.any(slots.sliding & (slack > _OUTSIDE))

    def look(carry):
        """First at the end, then by halving."""
        count, low, high, _ = carry
        at = jnp.where(count == 0, most, (low + high) / 2)
        out = outside(at)
        left = (count > 0) | out
        return count + 1, jnp.where(out, low, at), jnp.where(out, at, high), left

    none = jnp.full_like(most, 2)
    first = jnp.asarray(0), jnp.zeros_like(most), most, jnp.any(slots.sliding)
    going = lambda carry: carry[3] & (carry[0] <= _HALVINGS)
    count, _, high, left = jax.lax.while_loop(going, look, first)
    return jnp.where(left, high, none), count
